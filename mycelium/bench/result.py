"""What a contest gave: best, median and spread of each contestant, and ratios taken round by round."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contest import Contest, Contestant, Figure

__all__ = ["ContestResult", "Ratio", "Row", "Samples", "result_of"]

#: By contestant: for each round, one value for each figure.
Samples = dict[str, list[tuple[float, ...]]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A relation to a reference: over the rounds, and of the two best values."""

    median: float
    low: float
    high: float
    best: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one contestant. ``low`` and ``high`` are the quartiles: half of the rounds lie between."""

    contestant: Contestant
    figure: Figure
    best: float
    median: float
    low: float
    high: float
    rounds: int
    ratios: Mapping[str, Ratio]

    @property
    def spread(self) -> float:
        """The width of the middle half, as a share of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class ContestResult:
    """The rows of a contest, in its order."""

    contest: Contest
    rows: tuple[Row, ...]

    def row(self, contestant: str, figure: str) -> Row:
        """One of the rows. Raises ``KeyError``."""
        for row in self.rows:
            if row.contestant.name == contestant and row.figure.name == figure:
                return row
        raise KeyError(f"{contestant}, {figure}")


def result_of(contest: Contest, samples: Samples) -> ContestResult:
    """Work out the rows."""
    rows = []
    for contestant in contest.available:
        for i, figure in enumerate(contest.figures):
            own = [values[i] for values in samples[contestant.name]]
            references = {
                name: [values[i] for values in samples[name]] for name in contest.references if name in samples
            }
            low, median, high = _quartiles(own)
            ratios = {
                name: _ratio(figure, own, theirs) for name, theirs in references.items() if name != contestant.name
            }
            rows.append(Row(contestant, figure, min(own), median, low, high, len(own), ratios))
    return ContestResult(contest, tuple(rows))


def _ratio(figure: Figure, own: Sequence[float], theirs: Sequence[float]) -> Ratio:
    by_round = [figure.unit.ratio(a, b) for a, b in zip(own, theirs, strict=True)]
    low, median, high = _quartiles(by_round)
    return Ratio(median, low, high, figure.unit.ratio(min(own), min(theirs)))


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high
