"""One fault ends its own actor: those who share a dispatcher, a clock or an event loop with it go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from mycelium import Actor, ActorContext, dead_letters, handles
from mycelium.dispatcher.clock import RealClock
from mycelium.errors import PipeSourceError
from tlv import TLV, i64

DEADLINE_S = 30.0


class Number(TLV, type=1000):
    number: i64


class Echo(Actor):
    @handles
    def on_number(self, number: Number) -> int:
        return number.number


class Failing(Actor):
    @handles
    def on_number(self, number: Number) -> None:
        raise ValueError("wrong")


class Logging(Actor):
    @handles
    def on_number(self, number: Number) -> None:
        self.log.info("handled")


@pytest.fixture
def unwritable() -> Iterator[None]:
    """As where stdout is a full disk."""

    class FullDisk:
        def __init__(self, *_: Any) -> None: ...

        def msg(self, message: str) -> None:
            raise OSError(28, "No space left on device")

        info = warning = error = debug = msg

    before = structlog.get_config()
    structlog.configure(logger_factory=FullDisk)
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("unwritable")
@pytest.mark.parametrize("kind", [Failing, Logging])
@pytest.mark.parametrize("place", ["default", "pinned", "asyncio"])
def test_a_log_that_cannot_be_written_ends_nobody_else(kind: type[Actor], place: str) -> None:
    other = Echo.create(context=ActorContext(dispatcher=place))
    failing = kind.create(context=ActorContext(dispatcher=place))
    other.launch()
    for number in (1, 2):  # beforehand: the first is the end of it
        failing.actor_ref.tell(Number(number=number))
    failing.launch()
    assert failing.ended.wait(DEADLINE_S)
    assert not failing.actor_ref.is_alive()
    assert other.actor_ref.ask(Number(number=7), timeout=DEADLINE_S) == 7
    other.actor_ref.stop()


@pytest.mark.usefixtures("unwritable")
def test_the_clock_goes_on_where_its_log_cannot_be_written() -> None:
    clock, called = RealClock(), threading.Event()

    def fail() -> None:
        raise ValueError("wrong")

    clock.call_at(clock.now(), fail)
    clock.call_at(clock.now(), called.set)
    assert called.wait(DEADLINE_S)


def test_a_subscriber_that_exits_ends_nobody() -> None:
    def leave(_: Any) -> None:
        raise SystemExit("subscriber")

    subscription = dead_letters.subscribe(leave, every_s=0)
    try:
        failing, other = Failing.create(), Echo.create()
        failing.actor_ref.tell(Number(number=1))
        failing.actor_ref.tell(Number(number=2))
        failing.launch()
        other.launch()
        assert failing.ended.wait(DEADLINE_S)
        assert other.actor_ref.ask(Number(number=7), timeout=DEADLINE_S) == 7
        other.actor_ref.stop()
    finally:
        subscription.cancel()


class Careless(Actor, dispatcher="asyncio"):
    @handles
    async def on_number(self, number: Number) -> None:
        loop = asyncio.get_running_loop()
        if number.number:
            loop.call_soon(loop.stop)
        else:
            self.task = asyncio.create_task(_leave())
            self.task.add_done_callback(asyncio.Task.exception)  # or asyncio tells of it when the suite has ended


async def _leave() -> None:
    raise SystemExit("task")


@pytest.mark.parametrize("number", [0, 1])
def test_a_task_that_exits_or_stops_the_loop_ends_nobody(number: int) -> None:
    careless = Careless.start()
    other = Echo.create(context=ActorContext(dispatcher="asyncio"))
    other.launch()
    careless.ask(Number(number=number), timeout=DEADLINE_S)
    assert other.actor_ref.ask(Number(number=7), timeout=DEADLINE_S) == 7
    assert Echo.create(context=ActorContext(dispatcher="asyncio")).launch().stop()
    other.actor_ref.stop()
    careless.stop()


def test_what_is_piped_to_no_actor_is_refused() -> None:
    class Piping(Actor):
        @handles
        def on_number(self, number: Number) -> None:
            answer = asked.actor_ref.ask(number, block=False, timeout=DEADLINE_S)
            self.pipe_to("nobody", answer)  # type: ignore[arg-type]

    asked = Echo.create()
    asked.launch()
    piping = Piping.start()
    with pytest.raises(PipeSourceError, match="'nobody' is no ref of an actor"):
        piping.ask(Number(number=1), timeout=DEADLINE_S)
    assert asked.actor_ref.ask(Number(number=7), timeout=DEADLINE_S) == 7
    piping.stop()
    asked.actor_ref.stop()
