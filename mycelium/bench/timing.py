"""Taking turns: many short rounds, the contestants one after the other in each, in alternating order.

A machine has fast and slow spells. Contestants that are measured a few milliseconds apart meet the
same spell, so their ratio is taken round by round; and every other round runs backwards, so that
nobody always comes after the same neighbour. Rounds of single operations last about a millisecond:
most of them fit into one time slice of the scheduler, so the median holds on a busy machine too.
"""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from .contest import Contest, Measure
from .result import ContestResult, Samples, result_of

__all__ = ["looped", "run_contest", "snippet"]


def run_contest(
    contest: Contest, *, rounds: int | None = None, told: Callable[[], None] | None = None
) -> ContestResult:
    """Measure everybody who is available; ``told`` is called before each round."""
    measures = {one.name: one.prepare() for one in contest.available}
    samples: Samples = {name: [] for name in measures}
    with _no_collector():
        for measure in measures.values():
            measure(max(1, contest.count // 10))  # caches, specialised bytecode, compiled files
        for number in range(contest.rounds if rounds is None else rounds):
            if told is not None:
                told()
            order = list(measures.items())
            for name, measure in reversed(order) if number % 2 else order:
                samples[name].append(measure(contest.count))
    return result_of(contest, samples)


def snippet(statement: str, **names: Any) -> Measure:
    """A measure of one statement, looped inline as ``timeit`` does; the cost of the empty loop is included."""
    timer = timeit.Timer(statement, globals=names)
    return lambda count: (timer.timeit(count) / count,)


def looped(work: Callable[[], int]) -> Measure:
    """A measure of ``work``, which returns how many operations a call does."""

    def measure(count: int) -> tuple[float]:
        done = 0
        started = perf_counter()
        while done < count:
            done += work()
        return ((perf_counter() - started) / done,)

    return measure


@contextmanager
def _no_collector() -> Iterator[None]:
    """Begin with nothing to collect, and collect nothing meanwhile."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
