"""Timers: messages of an actor to itself on a clock, and the clock of the process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorContext, Ledger, handles
from mycelium.dispatcher.clock import RealClock
from mycelium.errors import NotReceivedError, TimerError
from mycelium.testing import VirtualClock
from tlv import TLV, i64

DEADLINE = 30.0


class Beat(TLV, type=1000):
    number: i64


class Other(TLV, type=1001):
    number: i64


class Clockwork(Actor, receives=Beat):
    """Does in its own thread what it is told, and keeps its beats."""

    def __init__(self) -> None:
        super().__init__()
        self.beats: list[int] = []

    @handles
    def on_beat(self, beat: Beat) -> None:
        if beat.number < 0:
            raise LookupError(beat.number)
        self.beats.append(beat.number)

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else self.beats.append(message)


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.fixture(params=["default", "pinned"])
def clockwork(request: pytest.FixtureRequest) -> tuple[Clockwork, VirtualClock]:
    clock = VirtualClock()
    actor = Clockwork.create(context=ActorContext(clock=clock, dispatcher=request.param))
    actor.launch()
    return actor, clock


def do(actor: Clockwork, what: Any) -> Any:
    return actor.actor_ref.ask(what, timeout=DEADLINE)


def beats(actor: Clockwork) -> list[int]:
    return list(do(actor, lambda self: list(self.beats)))


def test_once_brings_a_message_once_and_not_early(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.once(1.5, Beat(number=1)))
    clock.advance(1.4)
    assert beats(actor) == []
    clock.advance(0.1)
    assert beats(actor) == [1]
    clock.advance(100)
    assert beats(actor) == [1]
    assert do(actor, lambda self: len(self.timers)) == 0


def test_every_does_not_drift(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.every(0.1, Beat(number=1)))
    for _ in range(1000):
        clock.advance(0.1)
        beats(actor)
    assert abs(len(beats(actor)) - 1000) <= 1


def test_periods_that_were_missed_give_one_message(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.every(1.0, Beat(number=1)))
    clock.advance(10.5, at_once=True)
    assert beats(actor) == [1]
    clock.advance(0.5)
    assert beats(actor) == [1, 1]


def test_an_actor_that_is_late_finds_one_message_of_a_timer(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.every(1.0, Beat(number=1)))
    entered, go = threading.Event(), threading.Event()

    def be_late(self: Clockwork) -> None:
        entered.set()
        go.wait(DEADLINE)

    actor.actor_ref.tell(be_late)
    assert entered.wait(DEADLINE)
    clock.advance(7.0)
    go.set()
    assert beats(actor) == [1]


def test_a_cancelled_timer_brings_nothing_not_even_what_is_due(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork

    def cancel_when_due(self: Clockwork) -> None:
        timer = self.timers.once(1.0, Beat(number=1))
        clock.advance(2.0)
        timer.cancel()
        timer.cancel()

    do(actor, cancel_when_due)
    assert beats(actor) == []
    assert clock.waiting == 0


def test_timers_end_with_their_actor(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: (self.timers.every(1.0, Beat(number=1)), self.timers.once(1.0, Beat(number=2)), None)[2])
    assert clock.waiting == 2
    actor.actor_ref.stop(timeout=DEADLINE)
    assert actor.ended.wait(DEADLINE)
    clock.advance(5.0)
    assert clock.waiting == 0
    reading = Ledger([actor]).read()
    assert reading.balanced
    assert reading.total.sent == 0


def test_what_a_timer_brings_is_in_the_ledger(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.every(1.0, Beat(number=1)))
    for _ in range(5):
        clock.advance(1.0)
        beats(actor)
    reading = Ledger([actor]).read()
    assert reading.balanced
    assert [(row.message, row.sent, row.handled) for row in reading.rows] == [("Beat", 5, 5)]


def test_a_timer_may_bring_any_object(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.once(1.0, "an object"))
    clock.advance(1.0)
    assert do(actor, lambda self: list(self.beats)) == ["an object"]


def test_a_handler_that_raises_on_a_timer_fails_as_after_a_tell(clockwork: tuple[Clockwork, VirtualClock]) -> None:
    actor, clock = clockwork
    do(actor, lambda self: self.timers.every(1.0, Beat(number=-1)))
    clock.advance(1.0)
    assert actor.ended.wait(DEADLINE)
    assert isinstance(actor.failure, LookupError)
    assert clock.waiting == 0
    assert [(row.handled, row.failed) for row in Ledger([actor]).read().rows] == [(1, 1)]


@pytest.mark.parametrize(("call", "seconds"), [("once", -1.0), ("once", float("inf")), ("every", 0.0), ("every", -2.0)])
def test_a_time_that_cannot_be_is_refused(call: str, seconds: float) -> None:
    timers = Clockwork.create().timers
    with pytest.raises(TimerError, match=r"ACT-031.*Clockwork set a timer of"):
        getattr(timers, call)(seconds, Beat(number=1))


def test_a_message_that_the_actor_does_not_receive_is_refused_at_once() -> None:
    with pytest.raises(NotReceivedError, match="ACT-005"):
        Clockwork.create().timers.once(1.0, Other(number=1))


def test_the_real_clock_calls_in_order_and_its_thread_ends() -> None:
    clock = RealClock()
    called: list[int] = []
    asked, done = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def wait_for_all() -> None:
        """Nothing is called before all is asked for, however long that takes."""
        assert asked.wait(DEADLINE)

    def last() -> None:
        called.append(3)
        threads.append(threading.current_thread())
        done.set()

    now = clock.now()
    clock.call_at(now, wait_for_all)
    clock.call_at(now + 0.03, last)
    clock.call_at(now + 0.02, lambda: called.append(2))
    clock.call_at(now + 0.01, lambda: called.append(1))
    clock.call_at(now + 0.015, lambda: called.append(99)).cancel()
    asked.set()
    assert done.wait(DEADLINE)
    assert called == [1, 2, 3]
    threads[0].join(DEADLINE)
    assert not threads[0].is_alive()


def test_a_call_that_raises_does_not_stop_the_clock() -> None:
    clock = RealClock()
    done = threading.Event()

    def fail() -> None:
        raise LookupError

    clock.call_at(clock.now(), fail)
    clock.call_at(clock.now(), done.set)
    assert done.wait(DEADLINE)


def test_by_default_timers_go_by_the_clock_of_the_process() -> None:
    actor = Clockwork.create()
    actor.launch()
    arrived = threading.Event()
    do(actor, lambda self: self.timers.once(0.001, lambda _: arrived.set()))
    assert arrived.wait(DEADLINE)
