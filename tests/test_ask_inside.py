"""An ask inside a handler, of an actor that rests on the same dispatcher: it keeps what every other ask keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from math import inf, nan
from typing import Any

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, ActorRef, Backoff, Ledger, Reply, Supervisor, handles
from mycelium.dispatcher import declare_dispatcher
from mycelium.dispatcher.slow import Watch, watch
from mycelium.errors import (
    AskCycleError,
    AskTimeoutError,
    DeadActorError,
    DeadlineInvalidError,
    NotReceivedError,
    StoppedFirstError,
)
from tlv import TLV, i64

DEADLINE = 30.0


class Question(TLV, type=1000):
    what: i64 = 0


class Note(TLV, type=1001):
    number: i64


class Other(TLV, type=1002):
    number: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A watch that looks when the test says so, at the threads that the real one knows."""
    monkeypatch.setattr(watch, "look", lambda now: None)  # it would forget what this one has seen
    own = Watch()
    own._threads = watch._threads
    yield own
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)


class Book(Actor, receives=(Question, Note)):
    """Answers what `what` says, and notes numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[int] = []
        self.seen: dict[str, Any] = {}
        self.stopped_in = ""

    def on_stop(self) -> None:
        self.stopped_in = threading.current_thread().name

    @handles
    def on_note(self, note: Note) -> None:
        self.notes.append(note.number)

    @handles
    def on_question(self, question: Question, sender: ActorRef[Any] | None) -> Any:
        self.seen = {
            "thread": threading.get_ident(),
            "idle": self.mailbox.idle,
            "notes": list(self.notes),
            "sender": sender,
        }
        if question.what == 1:
            raise LookupError("nothing there")
        if question.what == 2:
            raise SystemExit
        if question.what == 3:
            self.stop()
        return tuple(self.notes)


class Reader(Actor):
    """Does what it is told in a turn of its own."""

    def do(self, what: Any) -> Any:
        return what(self)


def started(cls: type[Any], *args: Any) -> Any:
    """An actor whose first turn is over."""
    actor = cls.create(*args)
    actor.launch()
    actor.actor_ref.proxy().name.get(timeout=DEADLINE)
    settled(actor)
    return actor


def settled(actor: Actor) -> None:
    """Wait until its turn is over."""
    reached = threading.Event()
    while not actor.mailbox.asleep:
        reached.wait(0.001)


def inside(what: Any, reader: Actor | None = None) -> Any:
    """What comes of a call in the turn of an actor."""
    reader = reader or started(Reader)
    return reader.actor_ref.proxy().do(what).get(timeout=DEADLINE)


def row_of(actor: Actor, message: str) -> dict[str, int]:
    row = next(row for row in Ledger([actor]).read().rows if row.message == message)
    return {name: getattr(row, name) for name in ("sent", "handled", "dropped", "dead_lettered", "in_flight")}


def test_it_is_handled_in_the_thread_of_the_one_who_asks_and_counted_as_ever() -> None:
    book, reader = started(Book), started(Reader)
    asked = lambda me: (book.actor_ref.ask(Question(), timeout=DEADLINE), threading.get_ident())
    assert inside(asked, reader) == ((), book.seen["thread"])
    assert book.seen["sender"] == reader.actor_ref
    assert row_of(book, "Question") == {"sent": 1, "handled": 1, "dropped": 0, "dead_lettered": 0, "in_flight": 0}
    assert book.mailbox.high_water_mark == 1
    assert not book.mailbox.items


def test_nothing_is_put_into_its_mailbox_and_nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    book = started(Book)
    woken: list[Any] = []
    wake = type(book.mailbox).wake

    def note(mailbox: Any) -> None:
        woken.append(mailbox)
        wake(mailbox)

    def ask(me: Any) -> Any:
        monkeypatch.setattr(type(book.mailbox), "wake", note)
        try:
            return book.actor_ref.ask(Question(), timeout=DEADLINE)
        finally:
            monkeypatch.undo()

    assert inside(ask) == ()
    assert book.mailbox not in woken


def test_while_it_answers_it_is_not_idle_and_after_it_it_is() -> None:
    book = started(Book)
    inside(lambda me: book.actor_ref.ask(Question(), timeout=DEADLINE))
    assert book.seen["idle"] is False
    assert book.mailbox.idle


def test_what_the_asker_told_before_comes_before() -> None:
    book = started(Book)

    def tell_and_ask(me: Any) -> Any:
        for number in range(100):
            book.actor_ref.tell(Note(number=number))
        answer = book.actor_ref.ask(Question(), timeout=DEADLINE)
        book.actor_ref.tell(Note(number=100))
        return answer, book.actor_ref.ask(Question(), timeout=DEADLINE)

    first, second = inside(tell_and_ask)
    assert first == tuple(range(100))
    assert second == tuple(range(101))


def test_mail_that_comes_meanwhile_is_handled_after_it() -> None:
    entered, go, noted = threading.Event(), threading.Event(), threading.Event()

    class Slow(Book):
        @handles
        def on_question(self, question: Question, sender: ActorRef[Any] | None) -> int:
            entered.set()
            assert go.wait(DEADLINE)
            return len(self.notes)

        @handles
        def on_note(self, note: Note) -> None:
            super().on_note(note)
            noted.set()

    book = started(Slow)
    reader = started(Reader)
    asked = reader.actor_ref.proxy().do(lambda me: book.actor_ref.ask(Question(), timeout=DEADLINE))
    assert entered.wait(DEADLINE)
    book.actor_ref.tell(Note(number=7))
    go.set()
    assert asked.get(timeout=DEADLINE) == 0
    assert noted.wait(DEADLINE)
    assert book.notes == [7]


def test_an_error_reaches_the_asker_and_both_go_on() -> None:
    book, reader = started(Book), started(Reader)
    with pytest.raises(LookupError) as raised:
        inside(lambda me: book.actor_ref.ask(Question(what=1), timeout=DEADLINE), reader)
    assert "raised by actor Book while it handled Question" in raised.value.__notes__
    assert "on_question" in raised.value.remote_traceback  # type: ignore[attr-defined]
    assert (
        book.tally.cell(Question).failed == 1
        if hasattr(book, "tally")
        else book.mailbox.tally.cell(Question).failed == 1
    )
    assert inside(lambda me: book.actor_ref.ask(Question(), timeout=DEADLINE), reader) == ()


def test_an_actor_that_ends_of_it_ends_alone_and_its_asker_is_told() -> None:
    book, reader = started(Book), started(Reader)
    with pytest.raises(StoppedFirstError):
        inside(lambda me: book.actor_ref.ask(Question(what=2), timeout=DEADLINE), reader)
    assert book.ended.wait(DEADLINE)
    assert isinstance(book.failure, SystemExit)
    assert reader.actor_ref.is_alive()
    with pytest.raises(DeadActorError):
        inside(lambda me: book.actor_ref.ask(Question(), timeout=DEADLINE), reader)
    assert row_of(book, "Question") == {"sent": 2, "handled": 1, "dropped": 0, "dead_lettered": 1, "in_flight": 0}
    assert book.mailbox.owner is None


def test_an_actor_that_stops_itself_answers_and_ends() -> None:
    book = started(Book)
    assert inside(lambda me: book.actor_ref.ask(Question(what=3), timeout=DEADLINE)) == ()
    assert book.ended.wait(DEADLINE)
    assert book.stopped_in
    assert book.failure is None


def test_a_supervised_one_that_ends_of_it_is_made_anew() -> None:
    supervisor = Supervisor(backoff=Backoff(first_s=0.0))
    ref = supervisor.start(Book)
    reader = started(Reader)
    assert ref.ask(Question(), timeout=DEADLINE) == ()
    ref.tell(Note(number=1))
    for _ in range(3):
        with pytest.raises(StoppedFirstError):
            inside(lambda me: ref.ask(Question(what=2), timeout=DEADLINE), reader)
        assert inside(lambda me: ref.ask(Question(), timeout=DEADLINE), reader) == ()
    assert ref.mailbox.tally.restarts == 3


def test_a_forwarded_one_is_answered_by_the_last() -> None:
    book = started(Book)

    class Desk(Actor, receives=Question):
        @handles
        def on_question(self, question: Question, sender: ActorRef[Any] | None) -> None:
            self.forward(book.actor_ref, question)

    desk, reader = started(Desk), started(Reader)
    book.actor_ref.tell(Note(number=5))
    assert inside(lambda me: desk.actor_ref.ask(Question(), timeout=DEADLINE), reader) == (5,)
    assert book.seen["sender"] == reader.actor_ref


def test_a_circle_over_it_is_refused_and_named() -> None:
    class Back(Actor, receives=Question):
        other: ActorRef[Any]

        @handles
        def on_question(self, question: Question) -> Any:
            return self.other.ask(question, timeout=DEADLINE)

    first, second = started(Back), started(Back)
    first.name, second.name = "first", "second"
    first.mailbox.tally.name, second.mailbox.tally.name = "first", "second"
    first.other, second.other = second.actor_ref, first.actor_ref
    with pytest.raises(AskCycleError) as refused:
        first.actor_ref.ask(Question(), timeout=DEADLINE)
    assert refused.value.values["cycle"] == "second -> first -> second"
    assert first.mailbox.waits_for is None
    assert second.mailbox.waits_for is None


def test_one_that_has_not_begun_begins_first() -> None:
    class Late(Book, receives=(Question, Note)):
        def on_start(self) -> None:
            self.notes.append(-1)

    def start_and_ask(me: Any) -> Any:
        return Late.start().ask(Question(), timeout=DEADLINE)

    assert inside(start_and_ask) == (-1,)


def test_without_time_to_wait_it_is_handled_all_the_same() -> None:
    book = started(Book)
    with suppress(AskTimeoutError):  # another thread takes over, and may have answered
        inside(lambda me: book.actor_ref.ask(Question(), timeout=0))
    assert book.actor_ref.ask(Question(), timeout=DEADLINE) == ()
    assert row_of(book, "Question")["handled"] == 2


def test_what_it_does_not_answer_is_refused_before_it_is_counted() -> None:
    book = started(Book)
    with pytest.raises(NotReceivedError):
        inside(lambda me: book.actor_ref.ask(Other(number=1), timeout=DEADLINE))
    assert not [row for row in Ledger([book]).read().rows if row.message == "Other" and row.sent]


def test_actors_of_other_dispatchers_are_asked_as_ever() -> None:
    declare_dispatcher("asked", workers=1)
    for dispatcher in ("pinned", "asyncio", "asked"):
        book = Book.create(context=ActorContext(dispatcher=dispatcher))
        book.launch()
        here = inside(lambda me, ref=book.actor_ref: (ref.ask(Question(), timeout=DEADLINE), threading.get_ident()))
        assert here[0] == ()
        assert book.seen["thread"] != here[1]


def test_a_slow_one_is_reported_by_its_own_name(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(Actor, receives=Question):
        @handles
        def on_question(self, question: Question) -> None:
            entered.set()
            assert go.wait(DEADLINE)

    slow, reader = started(Slow), started(Reader)
    asked = reader.actor_ref.proxy().do(lambda me: slow.actor_ref.ask(Question(), timeout=DEADLINE))
    assert entered.wait(DEADLINE)
    with capture_logs() as logs:
        looking.look(10.0)
        looking.look(10.2)
        go.set()
        asked.get(timeout=DEADLINE)
        looking.look(10.3)
    assert [(entry["event"], entry["actor"], entry["message"]) for entry in logs] == [
        ("handler is slow", "Slow", "Question"),
        ("slow handler ended", "Slow", "Question"),
    ]


def test_the_time_of_one_of_64_is_taken() -> None:
    book = started(Book)

    def ask_often(me: Any) -> None:
        for _ in range(65):
            book.actor_ref.ask(Question(), timeout=DEADLINE)

    inside(ask_often)
    assert book.mailbox.tally.handling.summary().samples == 2


def test_asks_of_actors_while_others_tell_and_stop_them_balance() -> None:
    books = [started(Book) for _ in range(4)]
    readers = [started(Reader) for _ in range(4)]

    def ask_all(me: Any) -> int:
        answered = 0
        for number in range(400):
            try:
                books[number % 4].actor_ref.ask(Question(), timeout=DEADLINE)
                answered += 1
            except pykka.ActorDeadError:
                pass
        return answered

    def tell() -> None:
        for number in range(400):
            try:
                books[number % 4].actor_ref.tell(Note(number=number))
            except DeadActorError:
                return

    tellers = [threading.Thread(target=tell) for _ in range(3)]
    asked = [reader.actor_ref.proxy().do(ask_all) for reader in readers]
    for teller in tellers:
        teller.start()
    books[0].actor_ref.stop(timeout=DEADLINE)
    for one in asked:
        assert one.get(timeout=DEADLINE) >= 300
    for teller in tellers:
        teller.join(DEADLINE)
    assert books[0].ended.wait(DEADLINE)
    for book in books[1:]:
        book.actor_ref.ask(Question(), timeout=DEADLINE)
    for book in books:
        for message in ("Question", "Note"):
            row = row_of(book, message)
            assert row["in_flight"] == 0
            assert row["sent"] == row["handled"] + row["dead_lettered"]


@pytest.mark.parametrize("far", [inf, 10**30, 10**400, threading.TIMEOUT_MAX, 5], ids=lambda far: f"{Decimal(far):.1g}")
@pytest.mark.parametrize("dispatcher", ["default", "pinned", "asyncio"])
def test_any_number_is_a_deadline(far: float, dispatcher: str) -> None:
    book = Book.create(context=ActorContext(dispatcher=dispatcher))
    ref = book.launch()
    assert ref.ask(Question(), timeout=far) == ()
    assert ref.ask(Question(), timeout=far, block=False).get() == ()
    assert ref.ask(Question(), timeout=1.0, block=False).get(timeout=far) == ()
    assert inside(lambda me: ref.ask(Question(), timeout=far)) == ()
    assert ref.proxy().name.get(timeout=far) == "Book"


@pytest.mark.parametrize("wrong", [nan, "1", b"1", object(), (1,)])
def test_what_is_no_number_is_refused_before_anything_is_sent(wrong: Any) -> None:
    book = started(Book)
    with pytest.raises(DeadlineInvalidError) as refused:
        book.actor_ref.ask(Question(), timeout=wrong)
    assert str(refused.value).startswith(f"[ACT-014] {wrong!r} is no number of seconds to wait; ")
    assert isinstance(refused.value, ValueError)
    with pytest.raises(DeadlineInvalidError):
        book.actor_ref.ask("an object", timeout=wrong)
    with pytest.raises(DeadlineInvalidError):
        Reply[int]().get(timeout=wrong)
    assert row_of(book, "Question")["sent"] == 0
    assert book.mailbox.idle
