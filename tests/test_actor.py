"""pykka's behaviours, each run over pykka's own threading actor and over ours; then what only ours does."""

from __future__ import annotations

import logging
import threading
import types
from collections.abc import Iterator
from typing import Any, cast

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, Batch, Domain, Ledger, actor_messages, handles
from mycelium.errors import DeadActorError, NotInitializedError, StoppedFirstError, UndeclaredEmissionError, WiringError
from mycelium.venues import Venue, VenueTable
from tlv import TLV, i64

DEADLINE = 20.0

pytestmark = pytest.mark.usefixtures("nothing_left_running")


@pytest.fixture
def nothing_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert pykka.ActorRegistry.get_all() == []
    # An actor is out of the registry before its last hook and its last log: those belong to this test, not to the next.
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE)
        assert not thread.is_alive(), thread.name


class Pinned(Actor, dispatcher="pinned"):
    """An actor with a thread of its own, as pykka's have."""


class InLoop(Actor, dispatcher="asyncio"):
    """An actor on the event loop."""


@pytest.fixture(params=[pykka.ThreadingActor, Actor, Pinned, InLoop], ids=["pykka", "mycelium", "pinned", "asyncio"])
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return cast("type[Any]", request.param)


def as_actor(behaviour: type[Any], kind: type[Any]) -> Any:
    """An actor class of this kind with the methods of that one."""
    return types.new_class(behaviour.__name__, (behaviour, kind))


class Notes:
    """What happened to an actor, from any thread."""

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self._changed = threading.Condition()

    def add(self, what: Any) -> None:
        with self._changed:
            self.happened.append(what)
            self._changed.notify_all()

    def wait_for(self, *what: Any) -> list[Any]:
        """Wait until all of these have happened."""
        with self._changed:
            assert self._changed.wait_for(lambda: all(one in self.happened for one in what), DEADLINE), self.happened
            return list(self.happened)


class Noting:
    """An actor that notes what it gets and what its hooks see; told a callable, it calls it with itself."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes
        self._notes.add(("made in", threading.current_thread().name))

    def on_start(self) -> None:
        self._notes.add("started")

    def on_stop(self) -> None:
        self._notes.add("stopped")

    def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
        self._notes.add(("failed", kind, str(value), trace is not None))

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self._notes.add(message)
        return message


class Service:
    """An actor to be used by proxy."""

    colour = "red"

    def __init__(self, *numbers: int, **settings: int) -> None:
        super().__init__()
        self.numbers = list(numbers)
        self.settings = settings
        self.nested = pykka.traversable(Nested())
        self._secret = 1

    def add(self, number: int, *, times: int = 1) -> int:
        self.numbers.extend([number] * times)
        return sum(self.numbers)

    def fail(self) -> None:
        msg = "as asked"
        raise LookupError(msg)


class Nested:
    def __init__(self) -> None:
        self.depth = 2

    def double(self) -> int:
        return 2 * self.depth


def raising(error: BaseException) -> Any:
    def call(actor: Any) -> None:
        raise error

    return call


class Gate:
    """Told to an actor, holds it until opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, actor: Any) -> None:
        self.entered.set()
        assert self._open.wait(DEADLINE)

    def open(self) -> None:
        self._open.set()


# Life


def test_start_makes_registers_and_runs(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    assert ref.is_alive()
    assert ref.actor_urn.startswith("urn:uuid:")
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert notes.wait_for("started")[0] == ("made in", threading.current_thread().name)


def test_arguments_of_start_go_to_the_constructor(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start(1, 2, limit=3).proxy()
    assert proxy.numbers.get(timeout=DEADLINE) == [1, 2]
    assert proxy.settings.get(timeout=DEADLINE) == {"limit": 3}


def test_the_thread_is_named_after_the_class_and_keeps_the_program_alive(kind: type[Any]) -> None:
    def thread_of(actor_class: Any) -> threading.Thread:
        seen: list[threading.Thread] = []
        actor_class.start(Notes()).ask(lambda _: seen.append(threading.current_thread()), timeout=DEADLINE)
        return seen[0]

    class Daemonic(Noting):
        use_daemon_thread = True

    name = {Actor: "mycelium-default-", InLoop: "mycelium-asyncio-"}.get(kind, "Noting-")
    assert thread_of(as_actor(Noting, kind)).name.startswith(name)
    assert not thread_of(as_actor(Noting, kind)).daemon
    assert thread_of(as_actor(Daemonic, kind)).daemon


def test_stop_handles_what_was_sent_before(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    for number in range(100):
        ref.tell(number)
    assert ref.stop(timeout=DEADLINE) is True
    assert notes.happened[2:] == [*range(100), "stopped"]
    assert not ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_stop_answers_with_a_future_when_it_should_not_block(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.stop(block=False).get(timeout=DEADLINE) is True


def test_stopping_twice_says_that_it_was_dead_already(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.stop(timeout=DEADLINE) is True
    assert ref.stop(timeout=DEADLINE) is False


def test_two_who_stop_at_once_are_both_right(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    both = [ref.stop(block=False) for _ in range(2)]
    gate.open()
    assert [future.get(timeout=DEADLINE) for future in both] == [True, True]


def test_an_actor_can_stop_itself_after_the_mail_it_has(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    ref.tell(lambda actor: actor.stop())
    ref.tell("before the stop")
    gate.open()
    assert notes.wait_for("stopped")[2:] == ["before the stop", "stopped"]


def test_stop_in_on_start_ends_an_actor_early(kind: type[Any]) -> None:
    class Brief(Noting):
        def on_start(self) -> None:
            cast("Any", self).stop()

    notes = Notes()
    as_actor(Brief, kind).start(notes)
    notes.wait_for("stopped")


def test_stop_all_stops_the_last_started_first(kind: type[Any]) -> None:
    notes = Notes()

    class Named(Noting):
        def __init__(self, title: str) -> None:
            super().__init__(notes)
            self._title = title

        def on_stop(self) -> None:
            notes.add(self._title)

    for title in "abc":
        as_actor(Named, kind).start(title)
    assert pykka.ActorRegistry.stop_all(timeout=DEADLINE) == [True, True, True]
    assert [one for one in notes.happened if isinstance(one, str) and len(one) == 1] == ["c", "b", "a"]


def test_the_registry_finds_by_class_and_name_and_broadcasts(kind: type[Any]) -> None:
    notes = Notes()
    actor_class = as_actor(Noting, kind)
    refs = [actor_class.start(notes) for _ in range(2)]
    assert pykka.ActorRegistry.get_by_class(actor_class) == refs
    assert pykka.ActorRegistry.get_by_class(kind) == refs
    assert pykka.ActorRegistry.get_by_class_name("Noting") == refs
    pykka.ActorRegistry.broadcast("hello", target_class=actor_class)
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert notes.happened.count("hello") == 2


# Mail


def test_messages_of_one_sender_arrive_in_order(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    for number in range(2_000):
        ref.tell(number)
    assert ref.ask("end", timeout=DEADLINE) == "end"
    assert notes.happened[2:] == [*range(2_000), "end"]


def test_an_actor_can_tell_itself(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    ref.tell(lambda actor: actor.actor_ref.tell("from myself"))
    notes.wait_for("from myself")


def test_any_object_can_be_asked_even_none(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    for message in (None, 0, "text", {"a": 1}, [1], (2,), 5.0):
        assert ref.ask(message) == message


def test_ask_can_return_a_future(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    future = ref.ask(5, block=False)
    assert isinstance(future, pykka.ThreadingFuture)
    assert future.map(lambda number: number + 1).get(timeout=DEADLINE) == 6
    assert pykka.get_all([future, ref.ask(7, block=False)], timeout=DEADLINE) == [5, 7]


def test_an_ask_that_takes_too_long_times_out(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    with pytest.raises(pykka.Timeout, match=r"^0.001 seconds$"):
        ref.ask(gate, timeout=0.001)
    gate.open()
    assert ref.ask("still there", timeout=DEADLINE) == "still there"


def test_what_a_dead_actor_is_told_is_refused(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    ref.stop(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(urn:uuid:.*\) not found$"):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(urn:uuid:.*\) not found$"):
        ref.ask("hello")
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.ask("hello", block=False).get(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.proxy()


def test_asks_behind_a_stop_get_an_error_and_tells_are_dropped(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(DEADLINE)
    stopped = ref.stop(block=False)
    late = ref.ask("late", block=False)
    ref.tell("late too")
    gate.open()
    assert stopped.get(timeout=DEADLINE) is True
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(.*\) stopped before handling the message$"):
        late.get(timeout=DEADLINE)
    assert notes.happened[-1] == "stopped"


def test_an_unexpected_message_is_logged_as_a_warning(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    ref = as_actor(type("Silent", (), {}), kind).start()
    with caplog.at_level(logging.WARNING, logger="pykka"):
        assert ref.ask("what?", timeout=DEADLINE) is None
    assert f"Unexpected message received by {ref}: what?" in caplog.messages


# Proxies


def test_a_proxy_reads_writes_and_calls(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start(1).proxy()
    assert proxy.add(2, times=2).get(timeout=DEADLINE) == 5
    assert proxy.colour.get(timeout=DEADLINE) == "red"
    proxy.colour = "blue"
    assert proxy.colour.get(timeout=DEADLINE) == "blue"
    assert proxy.nested.double().get(timeout=DEADLINE) == 4
    proxy.add.defer(10)
    assert proxy.numbers.get(timeout=DEADLINE) == [1, 2, 2, 10]
    assert "add" in dir(proxy)
    with pytest.raises(AttributeError, match="has no attribute '_secret'"):
        proxy._secret
    with pytest.raises(LookupError, match="as asked"):
        proxy.fail().get(timeout=DEADLINE)


def test_an_actor_can_hold_a_proxy_to_itself_and_proxies_are_equal(kind: type[Any]) -> None:
    class Later:
        def __init__(self) -> None:
            super().__init__()
            self._later = cast("Any", self).actor_ref.proxy()
            self.done = pykka.ThreadingFuture[str]()

        def begin(self) -> pykka.Future[str]:
            self._later.finish()
            return self.done

        def finish(self) -> None:
            self.done.set("done")

    ref = as_actor(Later, kind).start()
    assert ref.proxy() == ref.proxy()
    assert ref.proxy().begin().get(timeout=DEADLINE).get(timeout=DEADLINE) == "done"


# Failures


def test_a_tell_that_raises_stops_the_actor(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    ref.tell(raising(LookupError("broken")))
    ref.tell("never handled")
    late = ref.ask("nor this", block=False)
    gate.open()
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=DEADLINE)
    assert notes.happened[2:] == [("failed", LookupError, "broken", True)]
    assert not ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert f"Unhandled exception in {ref}:" in caplog.messages


def test_an_ask_that_raises_does_not(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    with pytest.raises(LookupError, match="broken"):
        ref.ask(raising(LookupError("broken")), timeout=DEADLINE)
    assert ref.ask("still there", timeout=DEADLINE) == "still there"
    assert ("failed", LookupError, "broken", True) not in notes.happened


def test_an_on_start_that_raises_stops_the_actor_without_on_failure(kind: type[Any]) -> None:
    class Early(Noting):
        def on_start(self) -> None:
            self._notes.add("started")
            msg = "too early"
            raise LookupError(msg)

    notes = Notes()
    ref = as_actor(Early, kind).start(notes)
    notes.wait_for("started")
    assert ref.actor_stopped.wait(DEADLINE)
    assert notes.happened[1:] == ["started"]


def test_hooks_that_raise_at_the_end_change_nothing(kind: type[Any]) -> None:
    class Clumsy(Noting):
        def on_stop(self) -> None:
            self._notes.add("stopped")
            msg = "on_stop"
            raise LookupError(msg)

        def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
            self._notes.add("failed")
            msg = "on_failure"
            raise LookupError(msg)

    notes = Notes()
    assert as_actor(Clumsy, kind).start(notes).stop(timeout=DEADLINE) is True
    as_actor(Clumsy, kind).start(notes).tell(raising(ValueError()))
    notes.wait_for("stopped", "failed")


def test_an_interrupt_is_logged_in_pykka_s_words(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    with caplog.at_level(logging.DEBUG, logger="pykka"):
        notes.wait_for("started")
        caplog.clear()
        ref.tell(raising(KeyboardInterrupt()))
        notes.wait_for("stopped")
    told = [f"KeyboardInterrupt() in {ref}. Stopping all actors.", f"Unregistered {ref}", f"Stopped {ref}"]
    assert caplog.messages[:3] == told


def test_an_interrupt_without_a_node_stops_all_actors(kind: type[Any]) -> None:
    notes, others = Notes(), Notes()
    other = as_actor(Noting, kind).start(others)
    ref = as_actor(Noting, kind).start(notes)
    ref.tell(raising(KeyboardInterrupt()))
    others.wait_for("stopped")
    notes.wait_for("stopped")
    assert other.actor_stopped.wait(DEADLINE)
    assert ("failed", KeyboardInterrupt, "", True) not in notes.happened


# What only ours does


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
    """``ended`` is set a moment before the thread is gone."""
    for thread in threading.enumerate():
        if thread.name.startswith(f"{actor_class.__name__}-"):
            thread.join(DEADLINE)


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


def test_a_dead_actor_does_not_wait_for_the_garbage_collector() -> None:
    tape = Tape.create(Notes())
    ref = tape.launch()
    ref.ask(Market.Trade(price=1), timeout=DEADLINE)
    ref.stop(timeout=DEADLINE)
    assert tape.ended.wait(DEADLINE)
    wait_for_the_thread_of(Tape)
    del tape
    assert ref._actor_weakref() is None
