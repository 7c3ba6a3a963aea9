from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pykka
import pytest

from mycelium import Actor, ActorRef, Domain, Ledger, Reply, actor_messages, handles
from mycelium.actor import reply as reply_module
from mycelium.errors import (
    ActorError,
    AskTimeoutError,
    DeadActorError,
    DeadlineMissingError,
    NotReceivedError,
)
from mycelium.ledger.ledger import LedgerRow
from mycelium.mailbox.gate import Gate
from tlv import TLV, i64

DEADLINE = 60.0


@actor_messages(domain=Domain.USER)
class Market:
    class Trade(TLV, type=1001):
        price: i64

    class Quote(TLV, type=1002):
        bid: i64

    class Halt(TLV, type=1003):
        venue: i64


class Desk(Actor, receives=(Market.Trade, Market.Halt), ignores=Market.Halt):
    def __init__(self) -> None:
        super().__init__()
        self.held = threading.Event()
        self.release = threading.Event()

    @handles
    def on_trade(self, trade: Market.Trade) -> int:
        if trade.price == 0:
            self.held.set()
            assert self.release.wait(DEADLINE)
        return trade.price + 1


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk.create()
    made.launch()
    yield made
    made.release.set()
    made.actor_ref.stop(timeout=DEADLINE)
    assert made.ended.wait(DEADLINE)


def row_of(actor: Actor, message: str) -> LedgerRow:
    return next(row for row in Ledger([actor]).read().rows if row.message == message)


def test_an_actor_s_ref_is_ours_and_pykka_s(desk: Desk) -> None:
    assert isinstance(desk.actor_ref, ActorRef)
    assert isinstance(desk.actor_ref, pykka.ActorRef)
    assert pykka.ActorRegistry.get_by_urn(desk.actor_urn) is desk.actor_ref


def test_an_ask_returns_what_the_handler_returns(desk: Desk) -> None:
    assert desk.actor_ref.ask(Market.Trade(price=4), timeout=DEADLINE) == 5
    assert desk.actor_ref.ask(Market.Trade(price=4), block=False, timeout=DEADLINE).get() == 5


@pytest.mark.parametrize("block", [True, False])
def test_an_ask_of_a_declared_message_needs_a_deadline(desk: Desk, block: bool) -> None:
    with pytest.raises(DeadlineMissingError) as missing:
        desk.actor_ref.ask(Market.Trade(price=1), block=block)
    assert str(missing.value) == (
        "[ACT-004] ask of Market.Trade to Desk has no deadline; "
        "say how long an answer may take: ref.ask(message, timeout=1.0)"
    )
    assert isinstance(missing.value, TypeError)
    assert row_of(desk, "Trade").sent == 0


def test_no_answer_in_time_is_an_error_of_three_kinds(desk: Desk) -> None:
    with pytest.raises(AskTimeoutError) as late:
        desk.actor_ref.ask(Market.Trade(price=0), timeout=0.001)
    assert isinstance(late.value, pykka.Timeout)
    assert isinstance(late.value, TimeoutError)
    assert isinstance(late.value, ActorError)
    assert late.value.values == {"actor": "Desk", "message": "Market.Trade", "timeout_s": 0.001}
    assert late.value.retryable


def test_the_future_of_an_ask_keeps_its_deadline(desk: Desk) -> None:
    future = desk.actor_ref.ask(Market.Trade(price=0), block=False, timeout=0.001)
    with pytest.raises(AskTimeoutError, match=r"within 0\.001 s"):
        future.get()
    with pytest.raises(AskTimeoutError, match="within 0 s"):
        future.get(timeout=0)
    desk.release.set()
    assert future.get(timeout=DEADLINE) == 1


def test_a_dead_actor_gets_nothing_and_the_dead_letter_is_counted() -> None:
    desk = Desk.create()
    ref = desk.launch()
    ref.stop(timeout=DEADLINE)
    with pytest.raises(DeadActorError) as dead:
        ref.tell(Market.Trade(price=1))
    assert isinstance(dead.value, pykka.ActorDeadError)
    assert str(dead.value) == (
        "[ACT-001] Desk is not running; Market.Trade became a dead letter; start a new actor and tell its ref"
    )
    with pytest.raises(DeadActorError):
        ref.ask(Market.Trade(price=1), timeout=DEADLINE)
    with pytest.raises(DeadActorError):
        ref.ask(Market.Trade(price=1), block=False, timeout=DEADLINE).get()
    row = row_of(desk, "Trade")
    assert (row.sent, row.dead_lettered, row.difference) == (3, 3, 0)


def test_other_objects_told_to_a_dead_actor_are_counted_but_not_a_second_stop() -> None:
    desk = Desk.create()
    ref = desk.launch()
    ref.stop(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        desk.stop()
    assert desk.mailbox.tally.dead == {str: 1}


def test_what_an_actor_does_not_receive_is_refused_at_the_sender(desk: Desk) -> None:
    for send in (desk.actor_ref.tell, lambda message: desk.actor_ref.ask(message, timeout=DEADLINE)):
        with pytest.raises(NotReceivedError, match=r"\[ACT-005\] Desk does not receive Market.Quote"):
            send(Market.Quote(bid=1))
    assert Ledger([desk]).read().total.sent == 0


def test_what_an_actor_ignores_can_be_told_but_not_asked(desk: Desk) -> None:
    desk.actor_ref.tell(Market.Halt(venue=1))
    with pytest.raises(NotReceivedError, match=r"Desk does not receive Market\.Halt; it receives Market\.Trade"):
        desk.actor_ref.ask(Market.Halt(venue=1), timeout=DEADLINE)
    desk.actor_ref.ask(Market.Trade(price=1), timeout=DEADLINE)
    row = row_of(desk, "Halt")
    assert (row.sent, row.handled, row.dropped) == (1, 0, 1)


def test_tells_from_many_threads_are_all_counted() -> None:
    desk = Desk.create()
    ref = desk.launch()
    start = threading.Barrier(4)

    def send() -> None:
        start.wait(DEADLINE)
        for price in range(1, 2_501):
            ref.tell(Market.Trade(price=price))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    finally:
        sys.setswitchinterval(before)
    ref.stop(timeout=DEADLINE)
    row = row_of(desk, "Trade")
    assert (row.sent, row.handled, row.difference) == (10_000, 10_000, 0)


@pytest.mark.parametrize("round_", range(20))
def test_nothing_is_lost_when_an_actor_stops_under_fire(round_: int) -> None:
    """Every tell is handled, or dead-lettered, or raised; asks are always answered."""
    desk = Desk.create()
    ref = desk.launch()
    start = threading.Barrier(3)
    answers: list[pykka.Future[int]] = []

    def tell() -> None:
        start.wait(DEADLINE)
        for _ in range(300):
            try:
                ref.tell(Market.Trade(price=1))
            except DeadActorError:
                return

    def ask() -> None:
        start.wait(DEADLINE)
        answers.extend(ref.ask(Market.Trade(price=1), block=False, timeout=DEADLINE) for _ in range(100))

    threads = [threading.Thread(target=work) for work in (tell, ask)]
    for thread in threads:
        thread.start()
    start.wait(DEADLINE)
    ref.ask(Market.Trade(price=1), timeout=DEADLINE)
    ref.stop(timeout=DEADLINE)
    for thread in threads:
        thread.join(DEADLINE)
    assert desk.ended.wait(DEADLINE)
    for answer in answers:
        with suppress(pykka.ActorDeadError):
            assert answer.get() == 2
    reading = Ledger([desk]).read()
    assert reading.exact
    assert reading.balanced, reading.differences
    assert reading.total.in_flight == 0


# The future behind an ask; pykka's tests of its futures say the same of ThreadingFuture.


@pytest.fixture(params=[pykka.ThreadingFuture, Reply], ids=["pykka", "mycelium"])
def future(request: pytest.FixtureRequest) -> pykka.Future[int]:
    made: pykka.Future[int] = request.param()
    return made


def test_a_future_is_set_once(future: pykka.Future[int]) -> None:
    future.set(1)
    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_exception()
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda _: 3)
    assert [future.get(), future.get(timeout=0)] == [1, 1]


def test_a_future_with_a_hook_cannot_be_set(future: pykka.Future[int]) -> None:
    calls: list[float | None] = []

    def hook(timeout: float | None) -> int:
        calls.append(timeout)
        return 5

    future.set_get_hook(hook)
    with pytest.raises(queue.Full):
        future.set(1)
    with pytest.raises(queue.Full):
        future.set_exception((ValueError, ValueError(), None))
    assert [future.get(timeout=7), future.get()] == [5, 5]
    assert calls == [7]


def test_a_future_raises_the_exception_being_handled_or_given(future: pykka.Future[int]) -> None:
    try:
        raise LookupError("as asked")
    except LookupError:
        future.set_exception()
    for _ in range(2):
        with pytest.raises(LookupError, match="as asked"):
            future.get(timeout=0)
    given = type(future)()
    given.set_exception((ValueError, None, None))
    with pytest.raises(ValueError, match=r"^$"):
        given.get()


def test_a_future_that_is_not_set_times_out(future: pykka.Future[int]) -> None:
    for timeout in (0, -1, 0.001):
        with pytest.raises(pykka.Timeout, match=f"^{timeout} seconds$"):
            future.get(timeout=timeout)


def test_a_future_combines_as_in_pykka(future: pykka.Future[int]) -> None:
    other = type(future)()
    joined = future.join(other)
    doubled = future.map(lambda number: number * 2)
    future.set(4)
    other.set(5)
    assert joined.get() == [4, 5]
    assert doubled.get() == 8


def test_everybody_who_waits_for_a_reply_gets_it() -> None:
    for _ in range(50):
        future = Reply[int]()
        got: list[int] = []

        def wait(future: Reply[int] = future, got: list[int] = got) -> None:
            got.append(future.get(timeout=DEADLINE))

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        future.set(5)
        for thread in threads:
            thread.join(DEADLINE)
        assert got == [5, 5, 5]


def test_a_reply_set_between_a_look_and_the_wait_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    future = Reply[int]()

    def set_meanwhile() -> Gate:
        future.set(5)
        return Gate()

    got: list[int] = []
    monkeypatch.setattr(reply_module, "Gate", set_meanwhile)
    waiting = threading.Thread(target=lambda: got.append(future.get()), daemon=True)
    waiting.start()
    waiting.join(DEADLINE)
    assert got == [5]


def test_a_hook_set_while_one_waits_is_used() -> None:
    future = Reply[int]()
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(future.get(timeout=DEADLINE)))
    thread.start()
    future.set_get_hook(lambda _: 6)
    thread.join(DEADLINE)
    assert got == [6]
