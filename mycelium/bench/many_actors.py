"""The contest over many actors: what one costs that is started, told a message and stopped, and what it holds meanwhile.

Each measure is a fresh interpreter, so that no memory is there already that others have left. The collector runs, as in any
program. All actors are alive at the same time.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from threading import Event
from time import perf_counter
from typing import Any, ClassVar

import pykka

from mycelium.actor.actor import Actor
from mycelium.contracts.handlers import handles
from mycelium.ledger.memory import resident_bytes
from tlv import TLV, i64

from .contest import Contest, Contestant, Figure, Measure
from .footprint import output_of
from .units import BYTES, LATENCY

__all__ = ["ACTORS", "COUNT", "HELD", "WHOLE", "many_actors", "steps_of"]

#: Actors in one process.
COUNT = 100_000
#: Of pykka there are so many times fewer, for each is a thread.
FEWER = 100
PATIENCE_S = 300.0

ACTORS = f"mycelium, {COUNT:,} actors"
THREADS = f"pykka, {COUNT // FEWER:,} threads"

WHOLE = Figure("all three", LATENCY)
START = Figure("start", LATENCY)
TELL = Figure("message", LATENCY)
STOP = Figure("stop", LATENCY)
HELD = Figure("bytes each", BYTES)

_PROGRAM = (
    "import json\nfrom mycelium.bench.many_actors import steps_of\nprint(json.dumps(steps_of({side!r}, {count})))"
)


class Told:
    """Set when the last of so many has come. Any thread may tell of one: the next number of a range is one step."""

    def __init__(self) -> None:
        self.all = Event()
        self._left: Iterator[int] = iter(())

    def expect(self, count: int) -> None:
        """Wait for so many from now on."""
        self.all.clear()
        self._left = iter(range(count - 1, -1, -1))

    def one(self) -> None:
        """Another one."""
        if next(self._left) == 0:
            self.all.set()


class Number(TLV, type=1000):
    """A message."""

    number: i64


class Counting(Actor, receives=Number):
    """An actor with as little state as one can have."""

    told: ClassVar = Told()

    @handles
    def on_number(self, number: Number) -> None:
        """It has come."""
        self.told.one()


class PykkaCounting(pykka.ThreadingActor):
    """The same as plain pykka has it."""

    told: ClassVar = Counting.told

    def on_receive(self, message: Any) -> None:
        """It has come."""
        self.told.one()


SIDES: dict[str, Callable[[], pykka.ActorRef[Any]]] = {"mycelium": Counting.start, "pykka": PykkaCounting.start}


def many_actors() -> Contest:
    """Beside as many threads of pykka as can be had in a moment."""
    return Contest(
        name="many_actors",
        question=f"What does one of {COUNT:,} actors cost: started, told a message, stopped; and what does it hold?",
        contestants=(
            Contestant(ACTORS, lambda: _measure("mycelium"), ours=True),
            Contestant(THREADS, lambda: _measure("pykka"), fewer=FEWER),
        ),
        references=(THREADS,),
        figures=(WHOLE, START, TELL, STOP, HELD),
        count=COUNT,
        rounds=1,
        note="bytes are those that the process has grown by for each actor, when all of them have handled a message",
    )


def _measure(side: str) -> Measure:
    def measure(count: int) -> tuple[float, ...]:
        start, tell, stop, held = json.loads(output_of(_PROGRAM.format(side=side, count=count)).splitlines()[-1])
        return (start + tell + stop) / count, start / count, tell / count, stop / count, held / count

    return measure


def steps_of(side: str, count: int) -> tuple[float, float, float, float]:
    """Seconds to start, to tell and handle, and to stop them all, and the bytes that they hold before they stop."""
    start, message = SIDES[side], Number(number=1)
    keeper = start()
    Counting.told.expect(1)
    keeper.tell(message)
    _wait()
    gc.collect()
    Counting.told.expect(count)
    before = resident_bytes()
    begun = perf_counter()
    refs = [start() for _ in range(count)]
    started = perf_counter()
    for ref in refs:
        ref.tell(message)
    _wait()
    handled = perf_counter()
    held = resident_bytes() - before
    stopping = perf_counter()
    for future in [ref.stop(block=False) for ref in refs]:
        future.get(timeout=PATIENCE_S)
    stopped = perf_counter()
    keeper.stop()
    return started - begun, handled - started, stopped - stopping, float(held)


def _wait() -> None:
    if not Counting.told.all.wait(PATIENCE_S):
        msg = f"not all had come within {PATIENCE_S:g} s"
        raise TimeoutError(msg)
