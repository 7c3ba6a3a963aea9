"""Traces follow a message by every way on which it is sent on: told, asked, forwarded, piped; and over a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
import structlog

from mycelium import Actor, ActorContext, ActorRef, Backoff, Source, Supervisor, connect, handles, plan_routes
from mycelium.dispatcher.current import settle
from mycelium.observing.trace import Tracer
from tlv import TLV, Batch, i64

DEADLINE = 30.0
AT_ONCE = Backoff(first_s=0.0, max_s=0.0, jitter=0.0)


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class Question(TLV, type=1002):
    number: i64


class Answer(TLV, type=1003):
    number: i64


class Ticks(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        yield from ()


class Board(Actor, receives=(Tick, Sum)):
    @handles
    def on_any(self, message: TLV, sender: ActorRef[Any] | None) -> None: ...


class Book(Actor, receives=Question):
    def __init__(self, board: ActorRef[Board]) -> None:
        super().__init__()
        self.board = board

    @handles
    def on_question(self, question: Question) -> int:
        if question.number < 0:
            raise LookupError
        self.board.tell(Sum(question.number))
        return question.number


class Desk(Actor, receives=(Tick, Answer)):
    def __init__(self, board: ActorRef[Board], book: ActorRef[Book], done: threading.Event) -> None:
        super().__init__()
        self.board, self.book, self.done = board, book, done

    @handles
    def on_tick(self, tick: Tick, sender: ActorRef[Any] | None) -> None:
        self.board.tell(Sum(tick.number))
        self.forward(self.board, tick)
        future = self.book.ask(Question(tick.number), block=False, timeout=DEADLINE)
        self.pipe_to(self.actor_ref, future, convert=Answer, failed=lambda _: Answer(0))

    @handles
    def on_answer(self, answer: Answer) -> None:
        self.done.set()


class Waiting(Actor, receives=Tick):
    """Asks, and waits for the answer."""

    def __init__(self, book: ActorRef[Book]) -> None:
        super().__init__()
        self.book = book

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.book.ask(Question(tick.number), timeout=DEADLINE)


class Awaiting(Waiting, dispatcher="asyncio"):
    @handles
    async def on_tick(self, tick: Tick) -> None:  # type: ignore[override]
        await self.ask(self.book, Question(tick.number), timeout=DEADLINE)


class Batches(Actor, receives=Tick):
    def __init__(self, board: ActorRef[Board]) -> None:
        super().__init__()
        self.board = board

    @handles(batch=True)
    def on_ticks(self, ticks: Batch[Tick]) -> None:
        self.board.tell(Sum(len(ticks)))


class Flaky(Actor, receives=Tick):
    """Fails at each message once, after it has told somebody; what it has tried before outlives it."""

    def __init__(self, board: ActorRef[Board], tried: set[int], done: threading.Event) -> None:
        super().__init__()
        self.board, self.tried, self.done = board, tried, done

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.board.tell(Sum(tick.number))
        if tick.number not in self.tried:
            self.tried.add(tick.number)
            raise ConnectionError
        if len(self.tried) == 2:
            self.done.set()


class Traced:
    """Actors below one tracer that follows all that the first of them emits, and the lines of the log."""

    def __init__(self, dispatcher: str) -> None:
        self.dispatcher = dispatcher
        self.tracer = Tracer(1)
        self.actors: dict[str, Actor] = {}
        self.lines: list[Any] = []
        self.source = self.make(Ticks)

    def context(self, name: str) -> ActorContext:
        return ActorContext(name=name, tracer=self.tracer, dispatcher="" if name == "ticks" else self.dispatcher)

    def make(self, kind: type[Any], *args: Any) -> Any:
        name = kind.__name__.lower()
        actor = self.actors[name] = kind.create(*args, context=self.context(name))
        return actor if kind is Ticks else actor.actor_ref

    def run(self, *numbers: int, done: threading.Event | None = None) -> list[tuple[str, str, str]]:
        """Emit these, wait, stop all in the order in which they send, and give event, hop and actor of each line."""
        connect(self.actors, plan_routes({name: type(actor) for name, actor in self.actors.items()}))
        with structlog.testing.capture_logs() as lines:
            self.source._bind_handlers()
            for actor in self.actors.values():
                if actor is not self.source and not actor.mailbox.started:
                    actor.launch()
            for actor in self.actors.values():
                if actor is not self.source:
                    actor.actor_ref.proxy().name.get(timeout=DEADLINE)  # it has begun
            for number in numbers:
                self.source.emit(Tick(number))
            settle()
            assert done is None or done.wait(DEADLINE)
            for actor in reversed(self.actors.values()):
                if actor is not self.source:
                    actor.actor_ref.stop(timeout=DEADLINE)
            self.source.launch().stop(timeout=DEADLINE)
        self.lines = [dict(line) for line in lines if "hop" in line]
        assert len(self.tracer._hops) == 0, "nobody waits for a hop any more"
        return [(line["event"], line["hop"], line["actor"]) for line in self.lines]


@pytest.fixture(params=["default", "pinned", "asyncio"])
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    yield Traced(request.param)
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)


def test_what_is_told_forwarded_asked_answered_and_piped_is_followed(traced: Traced) -> None:
    done = threading.Event()
    board = traced.make(Board)
    book = traced.make(Book, board)
    traced.make(Desk, board, book, done)
    assert sorted(traced.run(5, done=done)) == [
        ("answered", "1.3", "book"),
        ("asked", "1.3", "desk"),
        ("emitted", "1", "ticks"),
        ("forwarded", "1.2", "desk"),
        ("handled", "1", "board"),
        ("handled", "1", "desk"),
        ("handled", "1.1", "board"),
        ("handled", "1.2", "board"),
        ("handled", "1.3", "book"),
        ("handled", "1.3.1", "board"),
        ("handled", "1.4", "desk"),
        ("piped", "1.4", "desk"),
        ("told", "1.1", "desk"),
        ("told", "1.3.1", "book"),
    ]
    by_event = {(line["event"], line["hop"]): line for line in traced.lines}
    assert by_event["asked", "1.3"]["to"] == ["book"]
    assert by_event["forwarded", "1.2"]["message"] == "Tick"
    answered, handled = by_event["answered", "1.3"], by_event["handled", "1.3"]
    assert answered["after_us"] >= handled["waited_us"] > 0
    assert handled["took_us"] > 0


def test_one_that_waits_for_its_answer_has_its_own_hop_in_hand_again(traced: Traced) -> None:
    board = traced.make(Board)
    book = traced.make(Book, board)
    traced.make(Awaiting if traced.dispatcher == "asyncio" else Waiting, book)
    asker = "awaiting" if traced.dispatcher == "asyncio" else "waiting"
    seen = [one for one in traced.run(1, 2) if one[2] in {"book", asker}]
    for trace in ("1", "2"):
        mine = [one for one in seen if one[1].partition(".")[0] == trace]
        assert mine[:2] == [("asked", f"{trace}.1", asker), ("told", f"{trace}.1.1", "book")]
        assert sorted(mine[2:]) == [
            ("answered", f"{trace}.1", "book"),
            ("handled", trace, asker),
            ("handled", f"{trace}.1", "book"),
        ]


def test_an_answer_that_is_an_error_says_which(traced: Traced) -> None:
    done = threading.Event()
    board = traced.make(Board)
    traced.make(Desk, board, traced.make(Book, board), done)
    traced.run(-1, done=done)
    errors = {line["event"]: line.get("error") for line in traced.lines if line["hop"] == "1.3"}
    assert errors == {"asked": None, "handled": "LookupError", "answered": "LookupError"}


def test_what_is_refused_is_on_no_way(traced: Traced) -> None:
    board = traced.make(Board)

    class Telling(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick, sender: ActorRef[Any] | None) -> None:
            for send in (board.tell, lambda message: self.forward(board, message)):
                with pytest.raises(pykka.ActorDeadError):
                    send(tick)
            future = board.ask(tick, block=False, timeout=DEADLINE)
            with pytest.raises(pykka.ActorDeadError):
                future.get()

    traced.make(Telling)
    board_actor = traced.actors.pop("board")
    board_actor.launch().stop(timeout=DEADLINE)
    seen = traced.run(1)
    assert [one[:2] for one in seen if one[2] in {"telling", "board"}] == [
        ("told", "1.1"),
        ("forwarded", "1.2"),
        ("asked", "1.3"),
        ("answered", "1.3"),
        ("handled", "1"),
    ]
    assert next(line["error"] for line in traced.lines if line["event"] == "answered") == "DeadActorError"


def test_a_batch_handles_all_the_hops_in_it_and_what_it_sends_came_of_the_first() -> None:
    traced = Traced("default")
    board = traced.make(Board)
    batches = traced.make(Batches, board)
    connect(traced.actors, plan_routes({name: type(actor) for name, actor in traced.actors.items()}))
    with structlog.testing.capture_logs() as lines:
        for actor in traced.actors.values():
            actor._bind_handlers()
        for number in range(3):
            traced.source.emit(Tick(number))
        assert len(traced.tracer._hops) == 6
        batches._actor_weakref().launch()
        batches.stop(timeout=DEADLINE)
        board._actor_weakref().launch()
        board.stop(timeout=DEADLINE)
        traced.source.launch().stop(timeout=DEADLINE)
    seen = [(line["event"], line["hop"]) for line in lines if line.get("actor") == "batches" and "hop" in line]
    assert seen == [("told", "1.1"), ("handled", "1"), ("handled", "2"), ("handled", "3")]
    assert len(traced.tracer._hops) == 0


def test_a_message_that_is_tried_again_after_a_restart_is_the_same_hop(traced: Traced) -> None:
    done = threading.Event()
    board = traced.make(Board)
    supervisor = Supervisor(attempts=2, backoff=AT_ONCE)
    flaky = Flaky.create(board, set(), done, context=traced.context("flaky"))
    supervisor._adopt(flaky, (board, flaky.tried, done), {})
    traced.actors["flaky"] = flaky
    seen = [one for one in traced.run(1, 2, done=done) if one[2] == "flaky"]
    assert [one[:2] for one in seen] == [
        ("told", "1.1"),
        ("handled", "1"),
        ("told", "1.2"),
        ("handled", "1"),
        ("told", "2.1"),
        ("handled", "2"),
        ("told", "2.2"),
        ("handled", "2"),
    ]
    tries = [line.get("error") for line in traced.lines if (line["event"], line["actor"]) == ("handled", "flaky")]
    assert tries == ["ConnectionError", None, "ConnectionError", None]
    assert flaky.mailbox.tally.restarts == 2
    assert not traced.tracer._hops._failed


def test_what_is_not_tried_again_is_waited_for_no_longer(traced: Traced) -> None:
    done = threading.Event()
    board = traced.make(Board)
    supervisor = Supervisor(backoff=AT_ONCE)
    flaky = Flaky.create(board, set(), done, context=traced.context("flaky"))
    supervisor._adopt(flaky, (board, flaky.tried, done), {})
    traced.actors["flaky"] = flaky
    seen = traced.run(1, 2, 2, done=done)
    assert [one[:2] for one in seen if one[0] == "handled" and one[2] == "flaky"] == [
        ("handled", "1"),
        ("handled", "2"),
        ("handled", "3"),
    ]
    assert ("handled", "3.1", "board") in seen


def test_the_hop_of_one_is_not_that_of_another_who_has_a_turn_inside_its_wait() -> None:
    """On one thread, the asked one has its turn inside the wait of the one that asks, and with it what waits before."""
    traced = Traced("default")
    board = traced.make(Board)
    book = traced.make(Book, board)
    traced.make(Waiting, book)
    book.tell(Question(7))  # followed by nobody, and handled inside the wait
    seen = traced.run(1)
    assert [one for one in seen if one[2] == "book"] == [
        ("told", "1.1.1", "book"),
        ("handled", "1.1", "book"),
        ("answered", "1.1", "book"),
    ]


def test_who_is_not_traced_has_no_ways_of_its_own() -> None:
    ref = Board.start()
    try:
        assert ref.proxy().name.get(timeout=DEADLINE) == "Board"
        actor = ref._actor_weakref()
        assert actor is not None
        assert not vars(ref)
        assert not {"emit", "forward", "pipe_to"} & set(vars(actor))
    finally:
        ref.stop(timeout=DEADLINE)
