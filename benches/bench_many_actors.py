"""What 100,000 actors in one process cost: started, sent a message each, stopped; seconds, and bytes for each.

Run it as a program for the figures: ``python benches/bench_many_actors.py [COUNT]``. Under pytest it
does the same with fewer actors, and fails where stopping them takes more than linear time.
"""

from __future__ import annotations

import gc
import sys
from threading import Event
from time import perf_counter
from typing import Any

import pykka

from mycelium import Actor, handles
from mycelium.memory import resident_bytes
from tlv import TLV, i64

COUNT = 100_000


class Number(TLV, type=1000):
    number: i64


class Counting(Actor, receives=Number):
    """An actor with as little state as one can have."""

    @handles
    def on_number(self, number: Number) -> None:
        pass


class Last(Counting):
    """The one that comes last, and tells."""

    def __init__(self, told: Event) -> None:
        super().__init__()
        self.told = told

    @handles
    def on_number(self, number: Number) -> None:
        self.told.set()


def many_actors(count: int) -> dict[str, float]:
    """Seconds of each step, and bytes of resident memory for each actor that has handled one message."""
    told = Event()
    keeper = Counting.start()
    gc.collect()
    before = resident_bytes()
    begun = perf_counter()
    refs: list[pykka.ActorRef[Any]] = [Counting.start() for _ in range(count - 1)]
    refs.append(Last.start(told))
    started = perf_counter()
    message = Number(number=1)
    for ref in refs:
        ref.tell(message)
    assert told.wait(600)
    handled = perf_counter()
    each = (resident_bytes() - before) / count
    stopping = perf_counter()
    for future in [ref.stop(block=False) for ref in refs]:
        future.get(timeout=600)
    stopped = perf_counter()
    keeper.stop()
    return {
        "start": started - begun,
        "tell": handled - started,
        "stop": stopped - stopping,
        "bytes": each,
    }


def test_time_grows_with_the_number_of_actors_and_not_with_its_square() -> None:
    few, many = min(many_actors(2_000)["stop"] for _ in range(3)), many_actors(20_000)["stop"]
    assert many < 40 * few
    assert not pykka.ActorRegistry.get_all()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    figures = many_actors(count)
    seconds = sum(figures[step] for step in ("start", "tell", "stop"))
    print(f"{count:,} actors: {seconds:.1f} s, {figures['bytes']:,.0f} bytes each")
    for step in ("start", "tell", "stop"):
        print(f"  {step:<6}{figures[step]:8.2f} s")
