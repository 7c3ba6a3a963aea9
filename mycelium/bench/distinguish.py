"""Whether two series of measurements differ by more than their noise, without assuming how noise is distributed.

The interval around a median is that of the sign test turned round: between two of the sorted values, as many from
either end as a fair coin would leave outside with a chance of at most 5 %. It holds for any distribution and any
number of values from 6 on (W. J. Conover, *Practical Nonparametric Statistics*, 3rd edition, section 3.2).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CONFIDENCE", "ROUNDS_MIN", "Interval", "interval_of", "with_itself"]

CONFIDENCE = 0.95
#: With fewer values no interval can be that sure: five of them lie on one side of the median in 1 of 16 series.
ROUNDS_MIN = 6


@dataclass(frozen=True, slots=True)
class Interval:
    """A median, the quartiles, and bounds that hold the true median with a chance of at least 95 %.

    Of fewer than `ROUNDS_MIN` values the bounds are infinitely far apart.
    """

    median: float
    quartile_low: float
    quartile_high: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether ``value`` may be the true median."""
        return self.low <= value <= self.high


def interval_of(values: Sequence[float]) -> Interval:
    """The interval of one or more values. Raises ``ValueError`` for none."""
    ordered = sorted(values)
    if not ordered:
        msg = "no values, no interval"
        raise ValueError(msg)
    quartiles = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    outside = _outside(len(ordered))
    low, high = (ordered[outside - 1], ordered[-outside]) if outside else (-math.inf, math.inf)
    return Interval(quartiles[1], quartiles[0], quartiles[2], low, high)


def with_itself(values: Sequence[float]) -> list[float]:
    """Ratios of neighbours in time, of a side that is measured in the order A B, B A, A B, ...

    There the second and third of its values follow each other at once, the fourth and fifth, and so on. Every other
    ratio is turned round, so that a machine which gets slower or faster throughout does not count as a difference.
    """
    pairs = zip(values[1::2], values[2::2], strict=False)
    return [first / second if i % 2 else second / first for i, (first, second) in enumerate(pairs)]


def _outside(count: int) -> int:
    """How far from either end the bounds are, 1 for the extremes; 0 where even those are not sure enough."""
    below, chance = 0, 0.0
    while True:
        chance += math.comb(count, below) / 2**count
        if 2 * chance > 1 - CONFIDENCE:
            return below
        below += 1
