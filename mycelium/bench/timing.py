"""Taking turns: many short rounds, the contestants one after the other in each, in alternating order.

A machine has fast and slow spells. Contestants that are measured a few milliseconds apart meet the
same spell, so their ratio is taken round by round; and every other round runs backwards, so that
nobody always comes after the same neighbour. Rounds of single operations last about a millisecond:
most of them fit into one time slice of the scheduler, so the median holds on a busy machine too.
"""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from mycelium.errors.bench import WrongAnswerError

from .contest import Contest, Measure
from .result import ContestResult, Samples, result_of

__all__ = ["answers", "close_measure", "expect", "looped", "run_contest", "snippet"]


def run_contest(
    contest: Contest, *, rounds: int | None = None, told: Callable[[], None] | None = None
) -> ContestResult:
    """Measure everybody who is available; ``told`` is called before each round."""
    measures = {one.name: one.prepare() for one in contest.available}
    counts = {one.name: contest.count_of(one) for one in contest.available}
    samples: Samples = {name: [] for name in measures}
    with _closing(measures.values()), _no_collector():
        for name, measure in measures.items():
            measure(max(1, counts[name] // 10))  # caches, specialised bytecode, compiled files
        for number in range(contest.rounds if rounds is None else rounds):
            if told is not None:
                told()
            order = list(measures.items())
            for name, measure in reversed(order) if number % 2 else order:
                samples[name].append(measure(counts[name]))
    return result_of(contest, samples)


def snippet(statement: str, **names: Any) -> Measure:
    """A measure of one statement, looped inline as ``timeit`` does; the cost of the empty loop is included."""
    timer = timeit.Timer(statement, globals=names)
    return lambda count: (timer.timeit(count) / count,)


def answers(statement: str, reads: Sequence[str], **names: Any) -> tuple[Any, ...]:
    """What ``reads`` are once ``statement`` was run; or where it says ``{reads}``, in its midst."""
    told: list[Any] = []
    tell = f"told[:] = [{', '.join(reads)}]"
    whole = statement.format(reads=tell) if "{reads}" in statement else f"{statement}\n{tell}"
    timeit.Timer(whole, globals={**names, "told": told}).timeit(1)
    return tuple(told)


def looped(work: Callable[[], object], operations: int) -> Measure:
    """A measure of ``work``, a call of which does so many operations."""

    def measure(count: int) -> tuple[float]:
        calls = max(1, round(count / operations))
        started = perf_counter()
        for _ in range(calls):
            work()
        return ((perf_counter() - started) / (calls * operations),)

    return measure


def expect(contestant: str, got: object, expected: object) -> None:
    """Nobody is timed who gives something else. Raises `WrongAnswerError`."""
    if got != expected:
        raise WrongAnswerError(contestant=contestant, got=repr(got), expected=repr(expected))


@contextmanager
def _closing(measures: Iterable[Measure]) -> Iterator[None]:
    """Close at the end those that keep something running between two rounds."""
    try:
        yield
    finally:
        for measure in measures:
            close_measure(measure)


def close_measure(measure: Measure) -> None:
    """End what a measure keeps running between two rounds, if it does."""
    close = getattr(measure, "close", None)
    if close is not None:
        close()


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
