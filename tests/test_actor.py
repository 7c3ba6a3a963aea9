"""What only our actors do: typed handlers, counts, and failures that stay in one actor."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, Batch, Domain, Ledger, actor_messages, handles
from mycelium.errors import DeadActorError, NotInitializedError, StoppedFirstError, UndeclaredEmissionError, WiringError
from mycelium.venues import Venue, VenueTable
from tests.pykka.kinds import DEADLINE, Gate, Notes, Noting, Pinned, as_actor, nothing_left_running, raising
from tests.thread_ends import wait_for_ends
from tlv import TLV, i64


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    with capture_logs(), nothing_left_running():
        yield


@pytest.mark.parametrize("ours", [Actor, Pinned])
@pytest.mark.parametrize("kind_of_error", [SystemExit, GeneratorExit, BaseException])
def test_any_other_base_exception_is_the_failure_of_one_actor(
    ours: type[Any], kind_of_error: type[BaseException]
) -> None:
    notes, others = Notes(), Notes()
    other = as_actor(Noting, ours).start(others)
    ref = as_actor(Noting, ours).start(notes)
    ref.tell(raising(kind_of_error()))
    notes.wait_for(("failed", kind_of_error, "", True))
    assert ref.actor_stopped.wait(DEADLINE)
    assert "stopped" not in notes.happened
    assert other.ask("still here", timeout=DEADLINE) == "still here"


@pytest.mark.parametrize("ours", [Actor, Pinned])
def test_a_base_exception_in_on_failure_stays_in_its_actor(ours: type[Any]) -> None:
    class Clumsy(Noting):
        def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
            raise SystemExit

    other = as_actor(Noting, ours).start(Notes())
    ref = as_actor(Clumsy, ours).start(Notes())
    ref.tell(raising(ValueError()))
    assert ref.actor_stopped.wait(DEADLINE)
    assert other.ask("still here", timeout=DEADLINE) == "still here"


@actor_messages(domain=Domain.USER)
class Market:
    class Trade(TLV, type=1001):
        price: i64

    class Quote(TLV, type=1002):
        bid: i64

    class Halt(TLV, type=1003):
        venue: i64


class Tape(Actor, receives=Market, ignores=Market.Halt, emits=Market.Halt):
    """Notes trades and quotes; breaks at a negative price."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_trade(self, trade: Market.Trade) -> int:
        if trade.price < 0:
            raise LookupError(trade.price)
        if trade.price == 666:
            raise SystemExit
        self.notes.add(trade.price)
        return trade.price

    @handles(batch=True)
    def on_quotes(self, quotes: Batch[Market.Quote]) -> list[int]:
        bids = [quote.bid for quote in quotes]
        if bids[0] < 0:
            raise LookupError(bids[0])
        self.notes.add(bids)
        return bids

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else super().on_receive(message)


def counts(actor: Actor) -> dict[str, tuple[int, int, int, int, int]]:
    reading = Ledger([actor]).read()
    assert reading.balanced
    return {
        row.message: (row.sent, row.handled, row.failed, row.dropped, row.dead_lettered)
        for row in reading.rows
        if row.sent or row.handled
    }


def wait_for_the_thread_of(actor_class: type[Actor]) -> None:
    """``ended`` is set a moment before the thread has let go of the actor; it may be an old one that took this one too."""
    dispatcher = actor_class.dispatcher
    begins = f"{actor_class.__name__}-" if dispatcher == "pinned" else f"mycelium-{dispatcher}-"
    wait_for_ends(thread for thread in threading.enumerate() if not thread.name.startswith(begins))


def test_messages_meet_the_handler_of_their_type_in_the_order_sent() -> None:
    notes = Notes()
    tape = Tape.create(notes)
    ref = tape.launch()
    gate = Gate()
    ref.tell(gate)
    for message in (
        *(Market.Quote(bid=bid) for bid in (1, 2, 3)),
        Market.Trade(price=10),
        Market.Halt(venue=1),
        Market.Quote(bid=4),
        Market.Trade(price=11),
        Market.Trade(price=12),
    ):
        ref.tell(message)
    gate.open()
    ref.stop(timeout=DEADLINE)
    assert notes.happened == [[1, 2, 3], 10, [4], 11, 12]
    assert counts(tape) == {"Trade": (3, 3, 0, 0, 0), "Quote": (4, 4, 0, 0, 0), "Halt": (1, 0, 0, 1, 0)}


def test_a_batch_is_bounded_and_joins_sampled_messages() -> None:
    notes = Notes()
    tape = Tape.create(notes)
    for bid in range(2_000):
        tape.actor_ref.tell(Market.Quote(bid=bid))
    tape.launch().stop(timeout=DEADLINE)
    assert notes.happened == [list(range(1_024)), list(range(1_024, 2_000))]
    assert Ledger([tape]).latency().samples == 32


def test_an_override_without_the_decorator_handles_too() -> None:
    class Doubling(Tape):
        def on_trade(self, trade: Market.Trade) -> int:
            return 2 * super().on_trade(trade)

    assert Doubling.start(Notes()).ask(Market.Trade(price=4), timeout=DEADLINE) == 8


def test_a_handler_that_raises_kills_the_actor_and_its_mail_is_counted() -> None:
    notes = Notes()
    tape = Tape.create(notes)
    ref = tape.actor_ref
    for price in (1, -2, 3, 4):
        ref.tell(Market.Trade(price=price))
    ref.tell(Market.Quote(bid=5))
    asked = ref.ask(Market.Trade(price=6), block=False, timeout=DEADLINE)
    with capture_logs() as logs:
        tape.launch()
        assert tape.ended.wait(DEADLINE)
    assert notes.happened == [1]
    assert isinstance(tape.failure, LookupError)
    assert counts(tape) == {"Trade": (5, 2, 1, 0, 3), "Quote": (1, 0, 0, 0, 1)}
    with pytest.raises(StoppedFirstError):
        asked.get()
    failed, left = logs
    assert failed["event"] == "actor failed"
    assert failed["log_level"] == "error"
    assert (failed["actor"], failed["code"], failed["message"]) == ("Tape", "ACT-007", "Trade(price=-2)")
    assert failed["exc_info"] is tape.failure
    assert (left["event"], left["dead_letters"]) == ("stopped with mail left", 4)


def test_a_failure_with_a_code_of_its_own_is_logged_under_it() -> None:
    def undeclared(actor: Any) -> None:
        actor.emit(Market.Trade(price=1))

    tape = Tape.create(Notes())
    with capture_logs() as logs:
        tape.launch().tell(undeclared)
        assert tape.ended.wait(DEADLINE)
    assert logs[0]["code"] == "ACT-006"


def test_a_batch_handler_that_raises_fails_its_whole_batch() -> None:
    tape = Tape.create(Notes())
    for bid in (-1, 2, 3):
        tape.actor_ref.tell(Market.Quote(bid=bid))
    tape.actor_ref.tell(Market.Trade(price=1))
    tape.launch()
    assert tape.ended.wait(DEADLINE)
    assert counts(tape) == {"Quote": (3, 3, 3, 0, 0), "Trade": (1, 0, 0, 0, 1)}


def test_an_ask_that_raises_is_counted_and_the_actor_lives() -> None:
    tape = Tape.create(Notes())
    ref = tape.launch()
    with pytest.raises(LookupError) as raised:
        ref.ask(Market.Trade(price=-1), timeout=DEADLINE)
    assert raised.value.__notes__ == ["raised by actor Tape while it handled Market.Trade"]
    assert ref.ask(Market.Trade(price=1), timeout=DEADLINE) == 1
    assert ref.ask(Market.Quote(bid=2), timeout=DEADLINE) == [2]
    assert counts(tape) == {"Trade": (2, 2, 1, 0, 0), "Quote": (1, 1, 0, 0, 0)}


@pytest.mark.parametrize("asked", [False, True])
def test_a_base_exception_in_a_handler_is_that_actor_s_failure(asked: bool) -> None:
    other = as_actor(Noting, Actor).start(Notes())
    tape = Tape.create(Notes())
    ref = tape.launch()
    if asked:
        with pytest.raises(StoppedFirstError):
            ref.ask(Market.Trade(price=666), timeout=DEADLINE)
    else:
        ref.tell(Market.Trade(price=666))
    assert tape.ended.wait(DEADLINE)
    assert isinstance(tape.failure, SystemExit)
    assert other.ask("still here", timeout=DEADLINE) == "still here"
    assert counts(tape) == {"Trade": (1, 1, 1, 0, 0)}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_base_exception_in_on_start_leaves_nothing_behind() -> None:
    class Severe(BaseException):
        pass

    class Early(Tape):
        def on_start(self) -> None:
            raise Severe

    tape = Early.create(Notes())
    tape.actor_ref.tell(Market.Trade(price=1))
    tape.launch()
    assert tape.ended.wait(DEADLINE)
    wait_for_the_thread_of(Early)
    assert pykka.ActorRegistry.get_all() == []
    assert counts(tape) == {"Trade": (1, 0, 0, 0, 1)}


def test_a_stop_flag_set_from_outside_ends_a_sleeping_actor_at_once() -> None:
    tape = Tape.create(Notes())
    ref = tape.launch()
    ref.ask(lambda _: None, timeout=DEADLINE)
    ref.actor_stopped.set()
    assert tape.ended.wait(DEADLINE)
    assert pykka.ActorRegistry.get_all() == []


def test_a_stop_flag_set_while_mail_waits_leaves_it_to_the_dead_letters() -> None:
    tape = Tape.create(Notes())
    ref = tape.launch()
    gate = Gate()
    ref.tell(gate)
    ref.tell(Market.Trade(price=1))
    assert gate.entered.wait(DEADLINE)
    ref.actor_stopped.set()
    gate.open()
    assert tape.ended.wait(DEADLINE)
    assert counts(tape) == {"Trade": (1, 0, 0, 0, 1)}


def test_an_actor_that_is_stopping_takes_no_more_messages() -> None:
    class Last(Tape):
        def on_stop(self) -> None:
            for message in (Market.Trade(price=1), "text"):
                try:
                    self.actor_ref.tell(message)
                except pykka.ActorDeadError as error:
                    self.notes.add(type(error))

    notes = Notes()
    last = Last.create(notes)
    last.launch().stop(timeout=DEADLINE)
    assert notes.happened == [DeadActorError, pykka.ActorDeadError]
    assert counts(last) == {"Trade": (1, 0, 0, 0, 1)}


def test_a_message_reaches_on_receive_where_the_class_names_none() -> None:
    listener_class = as_actor(Noting, Actor)
    notes = Notes()
    listener = listener_class.create(notes)
    ref = listener.launch()
    ref.tell(Market.Trade(price=5))
    assert ref.ask(Market.Quote(bid=6), timeout=DEADLINE) == Market.Quote(bid=6)
    assert notes.happened[2:] == [Market.Trade(price=5), Market.Quote(bid=6)]
    assert counts(listener) == {"Trade": (1, 1, 0, 0, 0), "Quote": (1, 1, 0, 0, 0)}


def test_emitting_what_nobody_receives_is_counted_and_what_is_not_declared_is_refused() -> None:
    tape = Tape.create(Notes())
    tape.emit(Market.Halt(venue=1))
    assert Ledger([tape]).read().unrouted == {"Halt": 1}
    with pytest.raises(UndeclaredEmissionError) as refused:
        tape.emit(Market.Trade(price=1))
    assert str(refused.value) == (
        "[ACT-006] Tape emitted Market.Trade; it may emit Market.Halt; "
        "name the message in emits=: the topology routes by what actors declare"
    )


def test_name_log_and_venues_are_there_inside_the_constructor() -> None:
    seen: dict[str, Any] = {}

    class Inner(Actor):
        pass

    class Curious(Actor):
        def __init__(self) -> None:
            super().__init__()
            seen["name"] = self.name
            seen["venue"] = self.venues.by_id(7).name
            seen["inner"] = Inner.create().name
            self.log.warning("made")

    table = VenueTable([Venue(id=7, name="binance:BTCUSDT")])
    with capture_logs() as logs:
        curious = Curious.create(context=ActorContext(name="curious", node="demo", venues=table))
    assert seen == {"name": "curious", "venue": "binance:BTCUSDT", "inner": "Inner"}
    assert logs == [{"actor": "curious", "node": "demo", "event": "made", "log_level": "warning"}]
    assert len(Curious.create(context=ActorContext(venues=table)).venues) == 1
    assert curious.mailbox.tally.name == "curious"


def test_outside_of_a_topology_an_actor_is_named_after_its_class_and_knows_no_venue() -> None:
    tape = Tape.create(Notes())
    assert tape.name == "Tape"
    assert len(tape.venues) == 0


def test_a_constructor_that_forgets_its_base_is_told() -> None:
    class Forgetful(Actor):
        def __init__(self) -> None:
            pass

    with pytest.raises(NotInitializedError, match=r"\[ACT-009\] .*Forgetful.__init__\(\) did not call its base"):
        Forgetful.start()


def test_an_actor_is_launched_once() -> None:
    tape = Tape.create(Notes())
    tape.launch()
    with pytest.raises(WiringError, match="launched before"):
        tape.launch()


@pytest.mark.parametrize("dispatcher", ["default", "pinned", "asyncio"])
def test_a_class_of_actors_is_not_kept_when_nobody_needs_it(dispatcher: str) -> None:
    def made_and_used() -> weakref.ref[type[Actor]]:
        class Brief(Tape, dispatcher=dispatcher):
            pass

        brief = Brief.create(Notes())
        ref = brief.launch()
        assert ref.ask(Market.Trade(price=1), timeout=DEADLINE) == 1
        ref.stop(timeout=DEADLINE)
        assert brief.ended.wait(DEADLINE)
        wait_for_the_thread_of(Brief)
        return weakref.ref(Brief)

    kept = made_and_used()
    gc.collect()
    assert kept() is None


def test_a_dead_actor_does_not_wait_for_the_garbage_collector() -> None:
    tape = Tape.create(Notes())
    ref = tape.launch()
    ref.ask(Market.Trade(price=1), timeout=DEADLINE)
    ref.stop(timeout=DEADLINE)
    assert tape.ended.wait(DEADLINE)
    wait_for_the_thread_of(Tape)
    del tape
    assert ref._actor_weakref() is None
