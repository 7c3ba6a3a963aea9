"""`mycelium.testing`: what a run of one actor gives, and how it ends badly."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pykka
import pytest

from mycelium import Actor, Config, Source, Venue, handles
from mycelium.errors.actor import NotReceivedError
from mycelium.errors.node import ActorStuckError
from mycelium.testing import run_actor
from tlv import TLV, i64


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class AdderConfig(Config, prefix="TEST_ADDER_"):
    first: int = 0


class Adder(Actor, receives=Tick, emits=Sum):
    def __init__(self, config: AdderConfig) -> None:
        super().__init__()
        self.total = config.first

    @handles
    def on_tick(self, tick: Tick) -> None:
        if tick.number < 0:
            raise ValueError("it only goes up")
        self.total += tick.number
        self.emit(Sum(number=self.total))

    def on_stop(self) -> None:
        self.emit(Sum(number=-1))


class Echo(Actor, receives=Tick, emits=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        self.emit(tick)


class Counting(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        yield from (Tick(number=number) for number in range(1000))


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    assert pykka.ActorRegistry.get_all() == []


def test_it_gives_the_state_what_was_emitted_and_the_ledger() -> None:
    done = run_actor(Adder, [Tick(number=1), Tick(number=2)], config=AdderConfig(first=10))
    assert done.emitted == [Sum(number=11), Sum(number=13), Sum(number=-1)]
    assert done.actor.total == 13
    assert done.ledger.balanced
    assert [(row.message, row.sent, row.handled) for row in done.ledger.rows] == [("Tick", 2, 2), ("Sum", 3, 3)]


def test_an_actor_does_not_hear_what_it_emits_itself() -> None:
    assert run_actor(Echo, [Tick(number=1)]).emitted == [Tick(number=1)]


def test_a_source_runs_to_its_end() -> None:
    done = run_actor(Counting)
    assert done.emitted == [Tick(number=number) for number in range(1000)]
    assert done.actor.exhausted


def test_an_actor_that_emits_nothing_is_run_just_the_same() -> None:
    class Silent(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None: ...

    done = run_actor(Silent, [Tick(number=1)])
    assert done.emitted == []
    assert done.ledger.total.handled == 1


def test_it_meets_the_markets_that_are_given() -> None:
    class Curious(Actor):
        def on_start(self) -> None:
            self.seen = self.venues.name(1)

    assert run_actor(Curious, venues=[Venue(id=1, name="binance:BTCUSDT")]).actor.seen == "binance:BTCUSDT"


def test_what_the_actor_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="it only goes up"):
        run_actor(Adder, [Tick(number=-1), Tick(number=2)], config=AdderConfig())


def test_an_actor_that_may_fail_can_be_looked_at() -> None:
    done = run_actor(Adder, [Tick(number=5), Tick(number=-1), Tick(number=2)], config=AdderConfig(), may_fail=True)
    assert isinstance(done.actor.failure, ValueError)
    assert done.emitted == [Sum(number=5)]
    assert (done.ledger.total.handled, done.ledger.total.dead_lettered) == (3, 1)
    assert done.ledger.balanced


def test_a_message_that_it_does_not_receive_is_refused_and_nothing_is_left_running() -> None:
    with pytest.raises(NotReceivedError):
        run_actor(Adder, [Sum(number=1)], config=AdderConfig())


def test_an_actor_that_hangs_is_named() -> None:
    go_on = Event()

    class Hanging(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            go_on.wait()

        def on_stop(self) -> None:
            ended.set()

    ended = Event()
    try:
        with pytest.raises(ActorStuckError, match="Hanging did not stop"):
            run_actor(Hanging, [Tick(number=1)], timeout=0.05)
    finally:
        go_on.set()
    assert ended.wait(30)
