"""Sources on the event loop: they await what they make messages from, no faster than these are handled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pykka
import pytest

from mycelium import (
    Actor,
    ActorContext,
    ActorSpec,
    AsyncSource,
    Ledger,
    Node,
    Source,
    Topology,
    connect,
    declare_dispatcher,
    handles,
    plan_routes,
    resolve,
    wait_until_quiet,
)
from mycelium.errors import NothingProducedError, PauseOutsideError, TopologyRefusedError, WiringError
from tests.thread_ends import wait_for_ends
from tlv import TLV, i64

DEADLINE = 30.0


class Tick(TLV, type=1001):
    number: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    wait_for_ends(before)


class Ticks(AsyncSource, emits=Tick):
    """Numbers from 0, then whatever the script does."""

    def __init__(self, limit: int, then: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.then = then
        self.notes: list[Any] = []
        self.there = threading.Event()

    async def on_stop(self) -> None:  # type: ignore[override]
        self.notes.append("stopped")

    async def produce(self) -> AsyncIterator[TLV]:
        self.progress.total = self.limit
        try:
            for number in range(self.limit):
                yield Tick(number)
                self.progress.done += 1
            if self.then is not None:
                self.there.set()
                await self.then(self)
        finally:
            await asyncio.sleep(0)
            self.notes.append("closed")

    async def answer(self) -> int:
        await asyncio.sleep(0)
        return 42


class Sink(Actor, receives=Tick):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.let = threading.Event()
        self.let.set()
        self.first = threading.Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.first.set()
        assert self.let.wait(DEADLINE)
        self.numbers.append(tick.number)


async def for_ever(source: Any) -> None:
    await asyncio.Event().wait()


def wired(source: Source, sink: Sink) -> Ledger:
    actors: dict[str, Actor] = {"source": source, "sink": sink}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    sink.launch()
    source.launch()
    return Ledger(actors.values())


def stopped(*actors: Actor) -> None:
    for actor in actors:
        actor.actor_ref.stop(timeout=DEADLINE)
        assert actor.ended.wait(DEADLINE)


def test_a_source_emits_what_it_yields_and_is_finished() -> None:
    source, sink = Ticks.create(3_000), Sink.create()
    ledger = wired(source, sink)
    assert source.finished.wait(DEADLINE)
    assert source.exhausted
    assert (source.progress.done, source.emitted) == (3_000, 3_000)
    assert wait_until_quiet([source, sink], DEADLINE)
    stopped(source, sink)
    assert sink.numbers == list(range(3_000))
    assert source.notes == ["closed", "stopped"]
    assert ledger.balanced


def test_a_node_runs_it_as_any_source() -> None:
    class Few(Ticks):
        def __init__(self) -> None:
            super().__init__(10)

    with Node(Topology(name="few", actors={"few": Few, "sink": Sink})) as node:
        assert node.wait(DEADLINE)
    report = node.report()
    assert (report.state, report.messages[0].handled, report.sources[0].state) == ("finished", 10, "finished")


def test_a_stop_cancels_what_it_awaits_and_closes_the_generator_before_the_last_hook() -> None:
    source, sink = Ticks.create(5, for_ever), Sink.create()
    wired(source, sink)
    assert source.there.wait(DEADLINE)
    assert not source.finished.is_set()
    stopped(source, sink)
    assert source.finished.is_set()
    assert not source.exhausted
    assert source.notes == ["closed", "stopped"]
    assert sink.numbers == [0, 1, 2, 3, 4]


def test_it_answers_while_it_awaits() -> None:
    source, sink = Ticks.create(1, for_ever), Sink.create()
    wired(source, sink)
    assert source.there.wait(DEADLINE)
    assert source.actor_ref.proxy().answer().get(timeout=DEADLINE) == 42


def test_it_waits_while_a_mailbox_downstream_is_full_and_goes_on_when_there_is_room() -> None:
    source, sink = Ticks.create(20_000), Sink.create()
    sink.let.clear()
    wired(source, sink)
    assert sink.first.wait(DEADLINE)
    # It answers, so it is not held up in produce; and it does not go on by itself.
    for _ in range(20):
        assert source.actor_ref.proxy().answer().get(timeout=DEADLINE) == 42
    assert source.emitted <= source.high_water + 3 * source.chunk
    assert not source.finished.is_set()
    sink.let.set()
    assert source.finished.wait(DEADLINE)
    assert wait_until_quiet([source, sink], DEADLINE)
    assert sink.numbers == list(range(20_000))


def test_a_pause_ends_when_its_time_is_over_or_at_a_stop() -> None:
    async def pause(source: Any) -> None:
        source.notes.append(await source.pause(0.0))
        source.notes.append("paused")
        source.there.set()
        source.notes.append(await source.pause(DEADLINE))

    source, sink = Ticks.create(1, pause), Sink.create()
    wired(source, sink)
    assert source.there.wait(DEADLINE)
    stopped(source)
    assert source.notes in ([False, "paused", True, "closed", "stopped"], [False, "paused", "closed", "stopped"])
    assert not source.exhausted


def test_a_pause_outside_of_produce_is_refused() -> None:
    class Paused(Ticks):
        async def answer(self) -> int:
            await self.pause(1.0)
            return 0

    source = Paused.create(1, for_ever)
    source.launch()
    assert source.there.wait(DEADLINE)
    with pytest.raises(PauseOutsideError, match=r"ACT-010"):
        source.actor_ref.proxy().answer().get(timeout=DEADLINE)


def test_a_source_that_raises_is_finished_and_says_why() -> None:
    async def fail(source: Any) -> None:
        await asyncio.sleep(0)
        msg = "torn"
        raise ConnectionError(msg)

    source, sink = Ticks.create(3, fail), Sink.create()
    wired(source, sink)
    assert source.ended.wait(DEADLINE)
    assert isinstance(source.failure, ConnectionError)
    assert source.finished.is_set()
    assert not source.exhausted
    assert wait_until_quiet([source, sink], DEADLINE)
    assert sink.numbers == [0, 1, 2]


def test_one_that_raises_when_it_is_cancelled_has_failed() -> None:
    async def rude(source: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            msg = "rude"
            raise ValueError(msg)

    source = Ticks.create(0, rude)
    source.launch()
    assert source.there.wait(DEADLINE)
    stopped(source)
    assert str(source.failure) == "rude"


def test_a_produce_that_gives_nothing_is_refused() -> None:
    class Forgetful(AsyncSource, emits=Tick):
        async def produce(self) -> Any: ...  # type: ignore[override]

    source = Forgetful.create()
    source.launch()
    assert source.ended.wait(DEADLINE)
    assert isinstance(source.failure, NothingProducedError)


def test_it_runs_on_the_event_loop_only_and_plain_sources_elsewhere() -> None:
    class Bare(AsyncSource, emits=Tick):
        def produce(self) -> Any: ...

    with pytest.raises(WiringError, match="asyncio"):
        Bare.create(context=ActorContext(dispatcher="pinned")).launch()
    with pytest.raises(TopologyRefusedError, match=r"a source that awaits .* runs on an event loop only, got 'pinned'"):
        resolve(Topology(name="pinned", actors={"bare": ActorSpec(actor_class=Bare, dispatcher="pinned")}))

    declare_dispatcher("test-feeds", kind="asyncio")
    resolve(Topology(name="named", actors={"bare": ActorSpec(actor_class=Bare, dispatcher="test-feeds")}))

    class Plain(Source, emits=Tick, dispatcher="asyncio"):
        def produce(self) -> Iterator[TLV]:
            yield Tick(1)

    with pytest.raises(WiringError, match="AsyncSource"):
        Plain.start()
