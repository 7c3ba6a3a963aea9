"""The comparison of two implementations as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mycelium.cli.format import plain_table

from .ab import AbReport, Comparison
from .distinguish import Interval
from .units import OPERATION, ratio_text

__all__ = ["ab_lines"]


def ab_lines(report: AbReport) -> Iterator[str]:
    """A row for each workload, then how to read it."""
    a, b = report.a, report.b
    yield f"a = {a}, b = {b}; {report.rounds} rounds; {report.machine.line}"
    yield ""
    head = ["workload", "operation", "a best", "a median", "b best", "b median", "speed a/b", "95 % interval"]
    head += ["middle half", "a/a, middle half", "distinguishable from noise"]
    yield from plain_table(head, [_row(one) for one in report.comparisons], left=(0, 1, 10))
    yield ""
    yield "speed a/b is how many times as fast a is: the median over the rounds, each a fresh process of either side."
    yield "The interval holds the true median with at least 95 % (sign test); yes where it leaves out 1. a/a: a beside itself."
    for one in report.comparisons:
        if not one.steady:
            shown = _between(one.itself.low, one.itself.high)
            yield f"{one.workload}: a differs from itself ({shown}): the machine was not steady, measure again"
    if not report.same_work:
        handled = (" and ".join(f"{count:,}" for count in counts) for counts in report.done)
        yield "not the same work: a handled {} messages, b {}; compare the rates only".format(*handled)


def _row(one: Comparison) -> list[str]:
    times = (one.a.best, one.a.median, one.b.best, one.b.median)
    verdict = "yes" if one.distinguishable else "no"
    return [
        one.workload,
        one.operation,
        *(OPERATION.text(seconds) for seconds in times),
        ratio_text(one.speed.median),
        _between(one.speed.low, one.speed.high),
        _half(one.speed),
        _half(one.itself),
        verdict,
    ]


def _half(interval: Interval) -> str:
    return _between(interval.quartile_low, interval.quartile_high)


def _between(low: float, high: float) -> str:
    return "unknown" if math.isinf(high) else f"{ratio_text(low)} to {ratio_text(high)}"
