from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from structlog.testing import capture_logs

from mycelium import (
    Actor,
    ActorContext,
    Bounded,
    Domain,
    Ledger,
    Source,
    actor_messages,
    connect,
    handles,
    plan_routes,
    wait_until_quiet,
)
from mycelium.errors import PauseOutsideError
from tests.waiting import wait_for
from tlv import TLV, i64

DEADLINE = 60.0


@actor_messages(domain=Domain.USER)
class Flow:
    class Tick(TLV, type=1001):
        number: i64

    class Reset(TLV, type=1002):
        to: i64


class Ticks(Source, emits=Flow.Tick):
    """Numbers from 0; without a limit, for ever."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.closed = threading.Event()
        self.hooks: list[str] = []

    def produce(self) -> Iterator[TLV]:
        self.progress.total = self.limit
        self.progress.label = "ticks"
        try:
            while self.limit is None or self.progress.done < self.limit:
                yield Flow.Tick(number=self.progress.done)
                self.progress.done += 1
        finally:
            self.hooks.append("closed")
            self.closed.set()

    def on_stop(self) -> None:
        self.hooks.append("stopped")

    def answer(self) -> int:
        return 42


class Sink(Actor, receives=Flow.Tick):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.let = threading.Event()
        self.let.set()
        self.first = threading.Event()

    @handles
    def on_tick(self, tick: Flow.Tick) -> None:
        self.first.set()
        assert self.let.wait(DEADLINE)
        self.numbers.append(tick.number)


def wired(source: Source, sink: Sink) -> Ledger:
    """Launch both, the sink first."""
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
    assert repr(source.progress) == "Progress(3000 of 3000 ticks)"
    assert wait_until_quiet([source, sink], DEADLINE)
    stopped(source, sink)
    assert sink.numbers == list(range(3_000))
    assert source.hooks == ["closed", "stopped"]
    assert ledger.read().total.handled == 3_000


def test_a_source_that_yields_nothing_is_finished_too() -> None:
    source, sink = Ticks.create(0), Sink.create()
    wired(source, sink)
    assert source.finished.wait(DEADLINE)
    assert source.exhausted
    stopped(source, sink)


def test_a_stop_ends_it_between_two_messages_and_closes_the_generator_first() -> None:
    source, sink = Ticks.create(), Sink.create()
    ledger = wired(source, sink)
    assert sink.first.wait(DEADLINE)
    stopped(source)
    assert source.finished.is_set()
    assert not source.exhausted
    assert source.hooks == ["closed", "stopped"]
    stopped(sink)
    assert sink.numbers == list(range(len(sink.numbers)))
    assert ledger.balanced


def test_it_answers_between_two_messages() -> None:
    class Endless(Ticks):
        chunk = 10**9

    source, sink = Endless.create(), Sink.create()
    wired(source, sink)
    proxy: Any = source.actor_ref.proxy()
    for _ in range(5):
        assert proxy.answer().get(timeout=DEADLINE) == 42
    stopped(source, sink)


def test_it_waits_while_a_mailbox_downstream_is_full_and_goes_on_when_there_is_room() -> None:
    class Careful(Ticks):
        high_water = 100
        low_water = 10
        chunk = 20

    source, sink = Careful.create(2_000), Sink.create()
    sink.let.clear()
    wired(source, sink)
    assert sink.first.wait(DEADLINE)
    assert wait_for(lambda: source.progress.done > Careful.high_water)
    # It cannot finish: what is in hand, the mailbox's bound and a chunk are all that gets out, however many turns it has.
    proxy: Any = source.actor_ref.proxy()
    for _ in range(50):
        assert proxy.progress.get(timeout=DEADLINE).done <= Careful.high_water + Careful.chunk + 1
    assert not source.mailbox.idle, "it has more to do"
    assert not wait_until_quiet([source], 0.001)
    sink.let.set()
    assert source.finished.wait(DEADLINE)
    assert wait_until_quiet([source, sink], DEADLINE)
    assert sink.numbers == list(range(2_000))
    assert sink.mailbox.high_water_mark <= Careful.high_water + Careful.chunk + 1
    stopped(source, sink)


def test_it_does_not_wait_for_a_dead_actor() -> None:
    class Careful(Ticks):
        high_water = 10
        low_water = 0

    source, sink = Careful.create(1_000), Sink.create()
    sink.let.clear()
    ledger = wired(source, sink)
    assert sink.first.wait(DEADLINE)
    sink.actor_ref.actor_stopped.set()
    sink.let.set()
    assert source.finished.wait(DEADLINE)
    assert source.exhausted
    stopped(source)
    assert sink.ended.wait(DEADLINE)
    row = ledger.read().total
    assert (row.sent, row.handled + row.dead_lettered, row.difference) == (1_000, 1_000, 0)


class Paced(Source, receives=Flow.Reset, emits=Flow.Tick):
    """Pauses before each tick; a reset changes the number."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.number = 0
        self.pausing = threading.Event()
        self.outcomes: list[bool] = []

    def produce(self) -> Iterator[TLV]:
        while True:
            self.pausing.set()
            self.outcomes.append(self.pause(self.seconds))
            if self.outcomes[-1]:
                return
            yield Flow.Tick(number=self.number)

    @handles
    def on_reset(self, reset: Flow.Reset) -> int:
        if reset.to < 0:
            raise LookupError
        if reset.to == 666:
            self.pause(0)
        self.number = reset.to
        return reset.to


def test_a_pause_ends_when_its_time_is_over() -> None:
    source, sink = Paced.create(0.001), Sink.create()
    wired(source, sink)
    assert sink.first.wait(DEADLINE)
    stopped(source, sink)
    assert source.outcomes[0] is False


def test_a_stop_ends_a_pause_at_once() -> None:
    source, sink = Paced.create(3_600), Sink.create()
    wired(source, sink)
    assert source.pausing.wait(DEADLINE)
    assert not source.mailbox.idle, "a source that pauses has not finished"
    stopped(source, sink)
    assert source.outcomes == [True]
    assert not source.exhausted, "it was cut short"
    assert sink.numbers == []


def test_mail_is_handled_during_a_pause() -> None:
    source, sink = Paced.create(3_600), Sink.create()
    ledger = wired(source, sink)
    assert source.pausing.wait(DEADLINE)
    for to in (5, 6):
        assert source.actor_ref.ask(Flow.Reset(to=to), timeout=DEADLINE) == to
    assert source.number == 6
    assert source.outcomes == []
    stopped(source, sink)
    assert ledger.read().total.handled == 2


def test_a_failure_during_a_pause_ends_the_source() -> None:
    source, sink = Paced.create(3_600), Sink.create()
    wired(source, sink)
    assert source.pausing.wait(DEADLINE)
    source.actor_ref.tell(Flow.Reset(to=-1))
    assert source.finished.wait(DEADLINE)
    assert isinstance(source.failure, LookupError)
    assert source.ended.wait(DEADLINE)
    stopped(sink)


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    class Hurried(Ticks):
        def produce(self) -> Iterator[TLV]:
            assert not self.wait_until(monotonic() - 5)
            yield Flow.Tick(number=1)

    source, sink = Hurried.create(), Sink.create()
    wired(source, sink)
    assert source.finished.wait(DEADLINE)
    assert source.exhausted
    stopped(source, sink)
    assert sink.numbers == [1]


def test_a_pause_outside_of_produce_is_refused() -> None:
    source = Paced.create(1)
    with pytest.raises(PauseOutsideError, match=r"\[ACT-010\] Paced paused outside of produce\(\)"):
        source.pause(1)
    sink = Sink.create()
    wired(source, sink)
    stopped(source, sink)


def test_a_source_that_raises_is_finished_and_says_why() -> None:
    class Breaking(Ticks):
        def produce(self) -> Iterator[TLV]:
            yield Flow.Tick(number=1)
            msg = "line 7"
            raise LookupError(msg)

    source, sink = Breaking.create(), Sink.create()
    with capture_logs() as logs:
        ledger = wired(source, sink)
        assert source.finished.wait(DEADLINE)
        assert source.ended.wait(DEADLINE)
    assert not source.exhausted
    assert str(source.failure) == "line 7"
    assert (logs[0]["event"], logs[0]["message"]) == ("actor failed", "produce()")
    stopped(sink)
    assert sink.numbers == [1]
    assert ledger.balanced


def test_a_generator_that_raises_when_closed_does_not_keep_the_source_alive() -> None:
    class Clumsy(Ticks):
        def produce(self) -> Iterator[TLV]:
            try:
                while True:
                    yield Flow.Tick(number=1)
            finally:
                msg = "at the end"
                raise LookupError(msg)

    source, sink = Clumsy.create(), Sink.create()
    wired(source, sink)
    assert sink.first.wait(DEADLINE)
    stopped(source, sink)
    assert str(source.failure) == "at the end"
    assert source.hooks == ["stopped"]


def test_an_on_start_that_raises_finishes_the_source() -> None:
    class Early(Ticks):
        def on_start(self) -> None:
            raise LookupError

    source = Early.create(context=ActorContext(name="early"))
    source.launch()
    assert source.finished.wait(DEADLINE)
    assert source.ended.wait(DEADLINE)
    assert source.hooks == []


def test_produce_may_return_any_iterable() -> None:
    class Listed(Source, emits=Flow.Tick):
        def produce(self) -> Iterator[TLV]:
            return iter([Flow.Tick(number=1), Flow.Tick(number=2)])

    source, sink = Listed.create(), Sink.create()
    wired(source, sink)
    assert source.finished.wait(DEADLINE)
    stopped(source, sink)
    assert sink.numbers == [1, 2]


def test_a_base_exception_during_a_pause_stops_it_too() -> None:
    class Severe(BaseException):
        pass

    class Fragile(Paced):
        def break_down(self) -> None:
            raise Severe

    source, sink = Fragile.create(3_600), Sink.create()
    wired(source, sink)
    assert source.pausing.wait(DEADLINE)
    proxy: Any = source.actor_ref.proxy()
    proxy.break_down.defer()
    assert source.ended.wait(DEADLINE)
    assert isinstance(source.failure, Severe)
    assert source.finished.is_set()
    assert not sink.ended.is_set()
    stopped(sink)


class Newest(Actor, receives=Flow.Tick, mailbox=Bounded(50, overflow="drop_newest")):
    """Lets go of what it has no room for, while its gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    @handles
    def on_tick(self, tick: Flow.Tick) -> None:
        assert self.gate.wait(DEADLINE)


class Mixed(Newest, mailbox=Bounded(50, overflow="drop_newest")):
    """But not of all that it takes."""

    @handles(overflow="block")
    def on_tick(self, tick: Flow.Tick) -> None:
        assert self.gate.wait(DEADLINE)


def test_it_does_not_wait_for_a_mailbox_that_lets_go_of_what_it_has_no_room_for() -> None:
    source, slow = Ticks.create(2_000), Newest.create()
    connect({"source": source, "slow": slow}, plan_routes({"source": Ticks, "slow": Newest}))
    slow.launch()
    source.launch()
    try:
        assert source.finished.wait(DEADLINE), "it waits for room"
        assert Ledger([source, slow]).read().balanced
    finally:
        slow.gate.set()
        slow.actor_ref.stop()
        source.actor_ref.stop()
    total = Ledger([source, slow]).read().total
    assert total.dropped >= total.sent - 52


def test_only_a_mailbox_that_lets_go_of_everything_holds_nobody_up() -> None:
    assert not Newest.create().mailbox.holds_up
    assert Mixed.create().mailbox.holds_up
