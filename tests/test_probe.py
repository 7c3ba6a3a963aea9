"""`mycelium.testing.Probe`: what came, in order, and texts that say what came instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorRef, Domain, Node, Topology, actor_messages, handles
from mycelium.errors import ExpectationError, NotReceivedError
from mycelium.testing import Probe, Simulation
from tlv import TLV, i64


@actor_messages(domain=Domain.USER)
class Market:
    class Trade(TLV, type=1000):
        price: i64

    class Bar(TLV, type=1001):
        high: i64
        low: i64

    class Alarm(TLV, type=1002):
        price: i64


class Bars(Actor, receives=Market.Trade, emits=(Market.Bar, Market.Alarm)):
    """A bar of each two trades, and an alarm of a high price."""

    def __init__(self, alarm: int = 100, replies_to: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.alarm = alarm
        self.replies_to = replies_to
        self.first: int | None = None

    @handles
    def on_trade(self, trade: Market.Trade) -> None:
        if self.replies_to is not None:
            self.replies_to.tell(Market.Alarm(price=self.replies_to.ask(trade, timeout=60)))
        if trade.price > self.alarm:
            self.emit(Market.Alarm(price=trade.price))
        if self.first is None:
            self.first = trade.price
        else:
            self.emit(Market.Bar(high=max(self.first, trade.price), low=min(self.first, trade.price)))
            self.first = None


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    assert pykka.ActorRegistry.get_all() == []


@pytest.fixture(params=[nullcontext, Simulation], ids=["threads", "simulation"], autouse=True)
def world(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of these tests with threads, and in a simulation."""
    make: Callable[[], AbstractContextManager[object]] = request.param
    with make():
        yield request.node.callspec.id


@pytest.fixture
def probe(world: str) -> Iterator[Probe]:
    with Probe(Market) as made:
        yield made


def trades(ref: ActorRef[Any], *prices: int) -> None:
    for price in prices:
        ref.tell(Market.Trade(price=price))


def test_it_gives_the_messages_that_an_actor_emits_in_their_order(probe: Probe) -> None:
    trades(probe.around(Bars), 5, 7, 200, 1)
    bar = probe.expect(Market.Bar)
    assert (bar.high, bar.low) == (7, 5)
    assert probe.expect(Market.Alarm, where=lambda alarm: alarm.price == 200) == Market.Alarm(price=200)
    probe.expect_all([Market.Bar(high=200, low=1)])
    probe.expect_none(0.01)
    assert len(probe.received) == 3


def test_what_came_instead_is_told(probe: Probe) -> None:
    trades(probe.around(Bars), 5, 7, 200)
    probe.expect(Market.Bar)
    with pytest.raises(AssertionError) as failed:
        probe.expect(Market.Bar)
    assert isinstance(failed.value, ExpectationError)
    assert str(failed.value) == (
        "[ACT-045] probe expected Bar, but Alarm(price=200) came; before that it got Bar(high=7, low=5);"
        " see what the actor under test emits, or give it more time"
    )


def test_a_message_of_the_right_type_must_fit_too(probe: Probe) -> None:
    def is_flat(bar: Market.Bar) -> bool:
        return bar.high == bar.low

    trades(probe.around(Bars), 5, 7)
    with pytest.raises(ExpectationError, match=r"expected Bar where is_flat holds, but Bar\(high=7, low=5\) came"):
        probe.expect(Market.Bar, where=is_flat)


def test_silence_is_told(probe: Probe) -> None:
    trades(probe.around(Bars), 5)
    with pytest.raises(
        ExpectationError, match=r"expected Bar, but nothing came within 0\.01 s; before that it got nothing"
    ):
        probe.expect(Market.Bar, timeout=0.01)


def test_noise_is_told(probe: Probe) -> None:
    trades(probe.around(Bars), 200)
    with pytest.raises(ExpectationError, match=r"expected no message, but Alarm\(price=200\) came"):
        probe.expect_none(5)


def test_of_several_the_one_that_differs_is_told(probe: Probe) -> None:
    trades(probe.around(Bars), 5, 7, 200, 1)
    assert len(probe.expect_all([Market.Bar(high=7, low=5), Market.Alarm])) == 2
    with pytest.raises(
        ExpectationError, match=r"expected Bar\(high=1, low=1\) as number 1, but Bar\(high=200, low=1\) came"
    ):
        probe.expect_all([Market.Bar(high=1, low=1)])
    with pytest.raises(ExpectationError, match=r"expected Alarm as number 1, but nothing came"):
        probe.expect_all([Market.Alarm], timeout=0.01)


def test_it_can_wait_for_one_message_among_others(probe: Probe) -> None:
    trades(probe.around(Bars), 5, 7, 200, 1)
    assert probe.wait_for(Market.Bar, where=lambda bar: bar.low == 1).high == 200
    probe.expect_none()
    assert len(probe.received) == 3


def test_a_message_that_it_does_not_receive_is_refused() -> None:
    with Probe(Market.Bar) as probe, pytest.raises(NotReceivedError, match=r"probe does not receive Market.Alarm"):
        probe.expect(Market.Alarm)


def test_its_ref_gets_messages_and_answers_asks() -> None:
    def double(message: TLV) -> int:
        return 2 * message.price if isinstance(message, Market.Trade) else 0

    with Probe(Market, name="desk", answer=double) as desk, Probe(Market) as probe:
        trades(probe.around(Bars, 100, desk.ref), 5)
        desk.expect_all([Market.Trade(price=5), Market.Alarm(price=10)])


def test_it_stands_in_a_topology_as_any_receiver() -> None:
    class PlainBars(Bars):
        def __init__(self) -> None:
            super().__init__()

    probe, other = Probe(Market), Probe(Market.Bar)
    actors: dict[str, type[Actor]] = {"bars": PlainBars, "probe": probe.actor_class, "other": other.actor_class}
    with Node(Topology(name="probed", actors=actors)) as node:
        node.refs["bars"].tell(Market.Trade(price=5))
        node.refs["bars"].tell(Market.Trade(price=700))
        probe.expect_all([Market.Alarm(price=700), Market.Bar(high=700, low=5)])
        other.expect(Market.Bar)


def test_long_stories_are_cut(probe: Probe) -> None:
    trades(probe.around(Bars, -1), *range(20))
    probe.wait_for(Market.Bar, where=lambda bar: bar.high == 19)
    with pytest.raises(ExpectationError, match=r"before that it got 25 others and Alarm"):
        probe.expect(Market.Bar, timeout=0.01)
