"""The Savina actor benchmarks, each beside plain pykka: what actors cost that talk to each other.

The suite is that of Imam and Sarkar, "Savina - An Actor Benchmark Suite" (2014); the sizes are ours, so
that all of it takes half a minute. `savina_mycelium` and `savina_pykka` hold the same steps; both check
what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, Lock
from time import perf_counter
from typing import Any

import pykka

from .contest import Contest, Contestant, Measure

__all__ = ["SAVINA"]

PATIENCE_S = 300.0

#: Actors in our ring, and threads in that of pykka: 10,000 of these take ten seconds to start.
RING, RING_PYKKA = 10_000, 1_000
JOINERS = 60
BIG = 40
CHAMENEOS = 100
COLOURS = 3

OURS, PYKKA = "mycelium", "pykka"


class Latch:
    """Set when it has been counted down to zero, from any thread."""

    def __init__(self, count: int) -> None:
        self.done = Event()
        self._left = count
        self._lock = Lock()

    def count_down(self) -> None:
        """One less."""
        with self._lock:
            self._left -= 1
            if not self._left:
                self.done.set()


def clocked(begin: Callable[[], Any], done: Event) -> float:
    """Seconds from ``begin`` until ``done``."""
    started = perf_counter()
    begin()
    if not done.wait(PATIENCE_S):
        msg = f"not done within {PATIENCE_S:g} s"
        raise TimeoutError(msg)
    return perf_counter() - started


def halt(refs: Iterable[pykka.ActorRef[Any]]) -> None:
    """Stop them all, and wait for each."""
    for future in [ref.stop(block=False) for ref in refs]:
        future.get(timeout=PATIENCE_S)


def complement(one: int, other: int) -> int:
    """The colour of two chameneos that have met."""
    return one if one == other else COLOURS - one - other


def _side(name: str) -> Any:
    # When it is measured: the two import this module.
    if name == OURS:
        from . import savina_mycelium as side
    else:
        from . import savina_pykka as side  # type: ignore[no-redef]
    return side


def _each(side: str, work: str) -> Callable[[], Measure]:
    def prepare() -> Measure:
        run: Callable[[int], float] = getattr(_side(side), work)
        return lambda count: (run(count) / count,)

    return prepare


def _contest(name: str, question: str, count: int, *, fewer: int = 1, note: str = "") -> Callable[[], Contest]:
    return lambda: Contest(
        name=name,
        question=question,
        contestants=(
            Contestant(OURS, _each(OURS, name), ours=True),
            Contestant(PYKKA, _each(PYKKA, name), fewer=fewer),
        ),
        references=(PYKKA,),
        count=count,
        rounds=3,
        note=note,
    )


def thread_ring() -> Contest:
    """A token goes round."""
    threads = f"pykka, {RING_PYKKA:,} threads"
    return Contest(
        name="thread_ring",
        question=f"What does a hop cost in a ring of {RING:,} actors, through which one token goes?",
        contestants=(
            Contestant(f"mycelium, {RING:,} actors", lambda: _side(OURS).Ring(RING), ours=True),
            Contestant(threads, lambda: _side(PYKKA).Ring(RING_PYKKA), fewer=20),
        ),
        references=(threads,),
        count=100_000,
        rounds=3,
        note="an actor of pykka is a thread: a ring of 10,000 of them takes ten seconds to start, so theirs is shorter",
    )


SAVINA: tuple[Callable[[], Contest], ...] = (
    _contest("ping_pong", "What does a message cost of two actors that answer each other?", 20_000, fewer=5),
    _contest("counting", "What does a message cost that one actor tells to another, all at once?", 40_000),
    thread_ring,
    _contest("fork_join_create", "What does an actor cost that is started, handles one message, and stops?", 600),
    _contest("fork_join_throughput", f"What does a message cost that is told to one of {JOINERS} actors?", 30_000),
    _contest("big", f"What does a ping and its pong cost, between {BIG} actors that ping each other?", 10_000, fewer=2),
    _contest(
        "chameneos",
        f"What does a meeting cost, of {CHAMENEOS} actors that meet in pairs through one other?",
        10_000,
        fewer=4,
    ),
)
