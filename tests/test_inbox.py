"""What every message goes through, compiled and in Python: the same steps in any order give the same counts."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pykka
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelium import Actor, handles
from mycelium.core import TWINS, native
from mycelium.ledger.latency import SAMPLE_MASK, LatencyHistogram
from mycelium.mailbox.mail import Keyed, Sampled, Sent, unwrapped
from mycelium.routing.router import connect, plan_routes
from tlv import TLV, i64

DEADLINE = 30.0


class One(TLV, type=1001):
    number: i64


class Two(TLV, type=1002):
    number: i64


class Three(TLV, type=1003):
    number: i64


class Signed(TLV, type=1004):
    number: i64


MESSAGES = (One, Two, Three, Signed)


def classes() -> list[SimpleNamespace]:
    """The classes of each implementation that there is; twins work with each other's counts."""
    names = ("Inbox", "Run", "Teller", "Emitter", "Route", "Cell")
    kinds = [TWINS] if native is None else [TWINS, vars(native)]
    return [SimpleNamespace(**{name: kind[name] for name in names}) for kind in kinds]


KINDS = classes()


class RefusedError(Exception):
    pass


class Side:
    """An inbox with handlers that note what they got, and senders."""

    def __init__(self, kind: SimpleNamespace, capacity: int) -> None:
        side = self

        class Mailbox(kind.Inbox):  # type: ignore[misc, name-defined]
            __slots__ = ()

            @property
            def overflow(self) -> Side:
                return side

            def wake(self) -> None:
                side.told.append("wake")
                side.inbox.asleep = False

        class Ref(kind.Teller):  # type: ignore[misc, name-defined]
            def _tell_otherwise(self, message: Any) -> None:
                side.told.append(f"otherwise {type(message).__name__}")

        class Actor(kind.Emitter):  # type: ignore[misc, name-defined]
            def _emit_unrouted(self, message: Any) -> None:
                side.told.append(f"unrouted {type(message).__name__}")

        self.kind = kind
        self.run: Any = None
        self.failed: Any = None
        self.told: list[str] = []
        self.inbox: Any = Mailbox()
        self.inbox.capacity = capacity
        self.inbox.latency = LatencyHistogram()
        self.inbox.handling = LatencyHistogram()
        self.ref: Any = Ref()
        self.ref._mailbox = self.inbox
        self.actor: Any = Actor()
        self.routes = {One: kind.Route(One, ((None, self.inbox), (self.append, self.inbox)))}
        self.actor._routes = self.routes
        self.cells = {One: kind.Cell(), Two: kind.Cell(), Three: kind.Cell(), Signed: kind.Cell()}
        self.inbox.accepts = self.cells
        for message in (One, Two, Signed):
            self.cells[message].handle = self.handle
        self.cells[One].accepted = self.cells[Two].accepted = self.cells[Signed].signed = True

    def append(self, item: Any) -> None:
        self.told.append("append")
        self.inbox.items.append(item)

    def offer(self, item: Any) -> Exception | None:
        message = unwrapped(item)
        self.told.append(f"full for {type(message).__name__}")
        return RefusedError("no room") if message.number % 2 else None

    def handle(self, given: Any) -> None:
        message = unwrapped(given)
        self.told.append(f"{type(message).__name__} {message.number} in a {type(given).__name__}")
        if message.number % 7 == 6:
            raise ValueError(message.number)

    def do(self, step: tuple[str, Any]) -> None:
        """Take a step, and note what it told."""
        name, given = step
        try:
            if name == "tell":
                self.ref.tell(given)
            elif name == "put":
                self.inbox.put(given)
            elif name == "emit":
                self.actor.emit(given)
            elif name == "deliver":
                self.routes[One].deliver(given)
            elif name == "sleep":
                self.inbox.asleep = True
            elif name == "drop":
                self.inbox.items.remove(self.inbox.items[given % len(self.inbox.items)])
            elif name == "stop":
                self.inbox.accepts = {}
            else:
                left = self.drain(given)
                self.told.append(f"left {type(left).__name__}, {left is not None and self.run.sampled}")
        except (RefusedError, ValueError, ZeroDivisionError) as error:
            self.told.append(f"{error!r}, in hand {self.failed!r}")
        self.told.append(f"{len(self.inbox)} wait")

    def drain(self, budget: int, table: Any = None) -> Any:
        """As an actor does."""
        run = self.run = self.kind.Run(self.inbox, budget)
        try:
            while (handle := run.begin(table or self.cells)) is not None:
                for message in run:
                    handle(message)
        except ValueError:
            self.failed = run.fail()
            self.told.append(f"failed in a {type(run.envelope).__name__}")
            raise
        finally:
            self.told.append(f"took {run.taken}")
        return run.message

    @property
    def waiting(self) -> tuple[str, ...]:
        """What lies in the queue."""
        return tuple(type(item).__name__ for item in self.inbox.items.copy())

    @property
    def seen(self) -> list[object]:
        """All that can be compared; only at the end, for a counter in Python is advanced by whoever reads it."""
        counts = [(cell.handled, cell.failed) for cell in self.cells.values()]
        sent = [cell.sent for cell in self.cells.values()]
        routes = [(route.emitted, route.sent) for route in self.routes.values()]
        taken = sum(self.inbox.latency.counts()), sum(self.inbox.handling.counts())
        return [self.told, counts, sent, routes, taken]


messages = st.builds(lambda kind, number: kind(number), st.sampled_from(MESSAGES), st.integers(0, 20))
envelopes = st.builds(Sent, messages, st.none() | st.just("a reply"))
steps = st.one_of(
    st.tuples(st.sampled_from(["tell", "put", "emit", "deliver"]), messages),
    st.tuples(st.just("put"), envelopes),
    st.tuples(st.just("drain"), st.integers(0, 12)),
    st.tuples(st.just("drop"), st.integers(0, 12)),
    st.tuples(st.sampled_from(["sleep", "stop"]), st.none()),
)


@pytest.mark.skipif(native is None, reason="there is one implementation only")
@settings(max_examples=60)
@given(st.lists(steps, max_size=80), st.integers(1, 30))
def test_both_implementations_do_the_same(taken: list[tuple[str, Any]], capacity: int) -> None:
    sides = [Side(kind, capacity) for kind in KINDS]
    for step in taken:
        for side in sides:
            side.do(step)
        assert sides[0].waiting == sides[1].waiting
    assert sides[0].seen == sides[1].seen


@pytest.fixture(params=KINDS, ids=lambda kind: kind.Inbox.__module__)
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param, 1_000)


def test_one_of_64_is_sampled_and_its_times_are_taken(side: Side) -> None:
    for number in range(0, 7 * 130, 7):
        side.ref.tell(One(number))
    assert sum(isinstance(item, Sampled) for item in side.inbox.items.copy()) == 3
    assert side.drain(1_000) is None
    assert side.run.taken == 130
    assert sum(side.inbox.latency.counts()) == sum(side.inbox.handling.counts()) == 3
    assert SAMPLE_MASK == 63


def test_what_comes_after_a_failure_stays(side: Side) -> None:
    for number in (0, 6, 1):
        side.inbox.put(One(number))
    with pytest.raises(ValueError, match="6"):
        side.drain(10)
    assert (side.run.taken, side.failed) == (2, One(6))
    assert [item.number for item in side.inbox.items.copy()] == [1]
    assert (side.cells[One].handled, side.cells[One].failed) == (2, 1)


def test_a_run_goes_class_by_class(side: Side) -> None:
    for message in (One(0), One(1), Two(2), Three(3), One(4)):
        side.inbox.put(message)
    run = side.kind.Run(side.inbox, 10)
    assert list(run) == []
    assert run.begin(side.cells) == side.handle
    assert [message.number for message in run] == [0, 1]
    assert list(run) == []
    assert run.begin(side.cells) == side.handle
    assert (run.message, next(iter(run))) == (Two(2), Two(2))
    assert run.begin(side.cells) is None
    assert (run.message, run.taken, len(side.inbox)) == (Three(3), 4, 1)
    assert run.fail() == Three(3)
    assert [(cell.handled, cell.failed) for cell in side.cells.values()] == [(2, 0), (0, 0), (0, 0), (0, 0)]


def test_a_message_with_its_sender_is_given_in_its_envelope_and_in_runs(side: Side) -> None:
    for number in range(3):
        side.ref.tell(Signed(number))
    side.inbox.put(Sent(Signed(3), pykka.ThreadingFuture()))
    run = side.kind.Run(side.inbox, 10)
    assert run.begin(side.cells) == side.handle
    given = []
    for envelope in run:
        assert run.envelope is envelope
        assert run.message is envelope.message
        given.append((type(envelope), envelope.message, envelope.reply_to, envelope.sender))
    assert given == [(Sent, Signed(number), None, None) for number in range(3)]
    assert (run.envelope, run.message) == (None, None)
    assert run.begin(side.cells) is None
    assert (type(run.message), run.envelope, side.cells[Signed].handled) == (Sent, None, 3)


def test_what_fails_with_its_sender_is_told_as_the_message(side: Side) -> None:
    for number in (0, 6, 1):
        side.ref.tell(Signed(number))
    with pytest.raises(ValueError, match="6"):
        side.drain(10)
    assert (side.failed, type(side.run.envelope), len(side.inbox)) == (Signed(6), Sent, 1)
    assert (side.cells[Signed].handled, side.cells[Signed].failed) == (2, 1)


def test_a_keyed_message_is_taken_out_of_its_wrapping(side: Side) -> None:
    forgotten: list[Keyed] = []
    keyed = Keyed(Sampled(One(1), 0), (One, 1), forgotten.append)
    side.inbox.put(keyed)
    side.inbox.put(Keyed(Three(2), (Three, 2), forgotten.append))
    assert side.drain(10) == Three(2)
    assert (len(forgotten), side.told) == (2, ["One 1 in a One", "took 2"])


def test_a_handler_may_drain_in_turn(side: Side) -> None:
    def handle(message: Any) -> None:
        side.told.append(f"outer {message.number}")
        side.drain(1)
        side.told.append(f"outer {message.number} is done")

    for number in range(3):
        side.inbox.put(Three(number))
        side.inbox.put(One(6 if number == 1 else number))
    cell = side.kind.Cell()
    cell.handle = handle
    with pytest.raises(ValueError, match="6"):
        side.drain(10, side.cells | {Three: cell})
    assert (cell.handled, cell.failed, len(side.inbox)) == (2, 1, 2)
    first = ["outer 0", "One 0 in a One", "took 1", "outer 0 is done", "outer 1"]
    assert side.told == [*first, "One 6 in a One", "failed in a NoneType", "took 1", "failed in a NoneType", "took 2"]


def test_an_argument_by_name_and_none(side: Side) -> None:
    side.ref.tell(message=One(1))
    side.actor.emit(message=One(2))
    assert len(side.inbox) == 3
    for call in (side.ref.tell, side.actor.emit):
        with pytest.raises(TypeError):
            call()
        with pytest.raises(TypeError):
            call(One(1), One(2))
        with pytest.raises(TypeError):
            call(massage=One(1))


def test_references_come_and_go_with_the_messages(side: Side) -> None:
    message, passed, signed = One(6), One(0), Signed(0)
    before = sys.getrefcount(message), sys.getrefcount(passed), sys.getrefcount(signed)
    for one in (message, passed):
        for _ in range(130):
            side.ref.tell(one)
            side.ref.tell(signed)
            side.actor.emit(one)
    del one
    while side.inbox.items:
        try:
            side.drain(100)
        except ValueError:
            side.failed = None
    del side.run
    assert (sys.getrefcount(message), sys.getrefcount(passed), sys.getrefcount(signed)) == before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.Inbox.__module__)
def test_all_of_it_is_collected(kind: SimpleNamespace) -> None:
    side = Side(kind, 10)
    side.inbox.put(side)
    gone = weakref.ref(side)
    del side
    gc.collect()
    assert gone() is None


def test_an_actor_and_all_that_it_holds_is_collected() -> None:
    class Local(Actor, receives=(One,), emits=(One,)):
        @handles
        def on_one(self, one: One) -> None:
            self.emit(one)

    actors = {"one": Local.create(), "two": Local.create()}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    gone = [weakref.ref(actor) for actor in actors.values()]
    for actor in actors.values():
        actor.launch()
    actors["one"].actor_ref.tell(One(1))
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    ended: list[Callable[[float], bool]] = [actor.ended.wait for actor in actors.values()]
    assert all(wait(DEADLINE) for wait in ended)
    del actors, actor, ended, Local
    for _ in range(1_000):
        gc.collect()
        if not any(one() for one in gone):
            break
        threading.Event().wait(0.01)  # the dispatcher's thread still has the last one in its hands
    assert not any(one() for one in gone)


def test_an_abstract_actor_cannot_be_made() -> None:
    from mycelium import Source

    with pytest.raises(TypeError, match="abstract"):
        Source()  # type: ignore[abstract]


@pytest.mark.skipif(native is None, reason="of the compiled core only")
def test_what_does_not_fit_is_refused() -> None:
    inbox, emitter = native.Inbox(), native.Emitter()
    inbox.put(One(1))
    with pytest.raises(TypeError, match="a mailbox and a number"):
        native.Run([], 1)
    with pytest.raises(TypeError):
        native.Run(inbox, "1")
    for call in (native.Run, lambda *args, **named: type.__call__(native.Run, *args, **named)):
        with pytest.raises(TypeError):
            call(inbox, budget=1)
        assert call(inbox, 1).taken == 0
    with pytest.raises(TypeError, match="a table is a dict"):
        native.Run(inbox, 1).begin([])
    with pytest.raises(TypeError, match="a Cell for each message"):
        native.Run(inbox, 1).begin({One: print})
    for wrong in (1, int, One, Sampled):
        with pytest.raises(
            (TypeError, AttributeError), match=r"Sent is a class|Sent needs a slot|no attribute 'message'"
        ):
            native.register(sent=wrong)
    with pytest.raises(TypeError, match="accepts is a dict"):
        inbox.accepts = []
    with pytest.raises(TypeError, match="is a mailbox"):
        native.Teller()._mailbox = []
    with pytest.raises(TypeError, match="routes are a dict of Route"):
        emitter._routes = {One: 1}
    with pytest.raises(TypeError, match="a target of a Route or a Splitter"):
        native.Route(One, (1,))
    with pytest.raises(TypeError):
        emitter._routes[One] = 1
