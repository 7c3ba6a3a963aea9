"""Supervision of sources, and of actors and sources that await."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, AsyncSource, Backoff, Ledger, Source, Supervisor, handles
from mycelium.routing.router import connect, plan_routes
from mycelium.testing import VirtualClock
from tests.waiting import wait_for
from tlv import TLV, i64

DEADLINE = 30.0
AT_ONCE = Backoff(first_s=0.0)


class Tick(TLV, type=1000):
    number: i64


class Poke(TLV, type=1001):
    number: i64


@pytest.fixture(autouse=True)
def _quiet_and_nobody_left() -> Iterator[None]:
    with capture_logs():
        yield
        pykka.ActorRegistry.stop_all()


class Sink(Actor, receives=Tick):
    def __init__(self) -> None:
        super().__init__()
        self.seen: queue.Queue[int] = queue.Queue()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.seen.put(tick.number)


def numbers(sink: Sink, count: int) -> list[int]:
    return [sink.seen.get(timeout=DEADLINE) for _ in range(count)]


def run(supervisor: Supervisor, kind: type[Source], *args: Any) -> tuple[Any, Sink]:
    """A supervised source that feeds a sink; not launched."""
    source, sink = kind.create(*args), Sink.create()
    supervisor._adopt(source, args, {})
    actors: dict[str, Actor] = {"source": source, "sink": sink}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    sink.launch()
    return source, sink


class Broken(Source, emits=Tick):
    """Emits three ticks, and fails after two; goes on where it was, by what it has emitted."""

    def produce(self) -> Iterator[TLV]:
        first = self.emitted
        for number in range(first, 6):
            if number == first + 2:
                raise ConnectionError(number)
            yield Tick(number=number)


class BrokenAwaiting(AsyncSource, emits=Tick):
    async def produce(self) -> AsyncIterator[TLV]:
        first = self.emitted
        for number in range(first, 6):
            await asyncio.sleep(0)
            if number == first + 2:
                raise ConnectionError(number)
            yield Tick(number=number)


@pytest.mark.parametrize("kind", [Broken, BrokenAwaiting])
@pytest.mark.parametrize("directive", ["restart", "resume"])
def test_a_source_that_fails_produces_again_and_knows_what_it_has_emitted(kind: type[Source], directive: str) -> None:
    source, sink = run(Supervisor(otherwise=directive, backoff=AT_ONCE, limit=10), kind)
    finished = source.finished
    source.launch()
    assert finished.wait(DEADLINE)
    assert source.finished is finished
    assert source.exhausted
    assert numbers(sink, 6) == [0, 1, 2, 3, 4, 5]
    assert source.mailbox.tally.restarts == 2
    assert source.emitted == 6


def test_a_source_whose_supervisor_says_stop_ends_as_others_do() -> None:
    source, sink = run(Supervisor(on_error={ConnectionError: "stop"}), Broken)
    source.launch()
    assert source.ended.wait(DEADLINE)
    assert source.finished.is_set()
    assert isinstance(source.failure, ConnectionError)
    assert numbers(sink, 2) == [0, 1]


class Poked(Source, emits=Tick, receives=Poke):
    """Emits its number in each life, and pauses; a poke makes it fail."""

    lives: ClassVar[int] = 0

    def __init__(self, closed: queue.Queue[int]) -> None:
        super().__init__()
        type(self).lives += 1
        self.life = type(self).lives
        self.closed = closed

    def produce(self) -> Iterator[TLV]:
        try:
            yield Tick(number=self.life)
            self.pause(DEADLINE)
        finally:
            self.closed.put(self.life)

    @handles
    def on_poke(self, poke: Poke) -> None:
        raise LookupError(poke.number)


class PokedAwaiting(AsyncSource, emits=Tick, receives=Poke):
    lives: ClassVar[int] = 0

    def __init__(self, closed: queue.Queue[int]) -> None:
        super().__init__()
        type(self).lives += 1
        self.life = type(self).lives
        self.closed = closed

    async def produce(self) -> AsyncIterator[TLV]:
        try:
            yield Tick(number=self.life)
            await asyncio.sleep(DEADLINE)
        finally:
            await asyncio.sleep(0)
            self.closed.put(self.life)

    @handles
    async def on_poke(self, poke: Poke) -> None:
        raise LookupError(poke.number)


@pytest.mark.parametrize("kind", [Poked, PokedAwaiting])
def test_what_an_old_life_was_producing_has_ended_when_the_new_one_begins(kind: type[Source]) -> None:
    kind.lives = 0  # type: ignore[attr-defined]
    closed: queue.Queue[int] = queue.Queue()
    source, sink = run(Supervisor(backoff=AT_ONCE, limit=10), kind, closed)
    ref = source.launch()
    for life in (1, 2, 3):
        assert numbers(sink, 1) == [life]
        ref.tell(Poke(number=life))
        assert closed.get(timeout=DEADLINE) == life
    assert numbers(sink, 1) == [4]
    assert not source.finished.is_set()
    ref.stop(timeout=DEADLINE)
    assert closed.get(timeout=DEADLINE) == 4
    assert source.ended.wait(DEADLINE)
    assert sink.seen.empty()
    assert Ledger([source, sink]).read().balanced


@pytest.mark.parametrize("kind", [Poked, PokedAwaiting])
def test_a_source_produces_nothing_while_it_pauses(kind: type[Source]) -> None:
    kind.lives = 0  # type: ignore[attr-defined]
    closed: queue.Queue[int] = queue.Queue()
    clock = VirtualClock()
    source, sink = run(Supervisor(clock=clock), kind, closed)
    source._context = source._context.__class__(clock=clock)
    ref = source.launch()
    assert numbers(sink, 1) == [1]
    ref.tell(Poke(number=1))
    assert closed.get(timeout=DEADLINE) == 1
    assert not source.mailbox.idle
    assert not source.finished.is_set()
    advance_when_waiting(clock)
    assert numbers(sink, 1) == [2]


def advance_when_waiting(clock: VirtualClock) -> None:
    assert wait_for(lambda: clock.waiting)
    clock.advance(60.0)


def test_a_finished_source_is_restarted_and_produces_no_second_time() -> None:
    class Short(Source, emits=Tick, receives=Poke):
        def produce(self) -> Iterator[TLV]:
            yield Tick(number=1)

        @handles
        def on_poke(self, poke: Poke) -> int:
            if poke.number < 0:
                raise LookupError
            return poke.number

    source, sink = run(Supervisor(backoff=AT_ONCE), Short)
    ref = source.launch()
    assert source.finished.wait(DEADLINE)
    ref.tell(Poke(number=-1))
    assert ref.ask(Poke(number=5), timeout=DEADLINE) == 5
    assert source.mailbox.tally.restarts == 1
    assert numbers(sink, 1) == [1]
    assert source.emitted == 1


def test_hooks_of_a_restart_may_be_coroutines_and_run_in_order() -> None:
    told: queue.Queue[Any] = queue.Queue()

    class Awaiting(Actor, receives=Poke, dispatcher="asyncio"):
        def __init__(self) -> None:
            super().__init__()
            self.total = 0
            told.put("made")

        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            told.put("started")

        async def pre_restart(self, error: BaseException) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            told.put(("before", self.total))

        async def post_restart(self, error: BaseException) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            told.put(("after", self.total))

        @handles
        async def on_poke(self, poke: Poke) -> int:
            await asyncio.sleep(0)
            if poke.number < 0:
                raise LookupError
            self.total += poke.number
            return self.total

    ref = Supervisor(backoff=AT_ONCE).start(Awaiting)
    for number in (5, -1, 7):
        ref.tell(Poke(number=number))
    assert ref.ask(Poke(number=1), timeout=DEADLINE) == 8
    events = [told.get(timeout=DEADLINE) for _ in range(6)]
    assert events == ["made", "started", ("before", 5), "made", "started", ("after", 0)]


def test_a_coroutine_hook_that_fails_in_a_new_life_is_a_failure_like_others() -> None:
    starts: list[int] = []

    class Difficult(Actor, receives=Poke, dispatcher="asyncio"):
        async def on_start(self) -> None:  # type: ignore[override]
            starts.append(len(starts))
            if len(starts) in {2, 3}:
                raise LookupError

        async def pre_restart(self, error: BaseException) -> None:  # type: ignore[override]
            raise LookupError

        async def post_restart(self, error: BaseException) -> None:  # type: ignore[override]
            if len(starts) == 4:
                raise LookupError

        @handles
        def on_poke(self, poke: Poke) -> int:
            if poke.number < 0:
                raise LookupError
            return poke.number

    ref = Supervisor(backoff=AT_ONCE, limit=10).start(Difficult)
    ref.tell(Poke(number=-1))
    assert ref.ask(Poke(number=5), timeout=DEADLINE) == 5
    assert starts == [0, 1, 2, 3, 4]
    assert ref.mailbox.tally.restarts == 4
