"""What the project set out to reach with pure Python on a machine of two cores, and whether a run reached it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mycelium.cli.format import rate_text

from .contest import TIME, Figure
from .footprint import RESIDENT, SERVICE
from .result import ContestResult, Row
from .telling import OURS_TELL, PYKKA_TELL
from .units import ratio_text

__all__ = ["TARGETS", "Target", "Verdict", "judge"]

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of one contestant and its limit: at least that ratio ``against`` a reference; without
    one, at least so many operations a second; of a figure that has no rate, at most that value.
    """

    name: str
    contest: str
    contestant: str
    figure: Figure
    limit: float
    against: str = ""

    @property
    def text(self) -> str:
        """What is to be reached."""
        if self.against:
            return f"at least {ratio_text(self.limit)} {self.against}"
        if self.figure.unit.has_rate:
            return f"at least {_per_second(self.limit)}"
        return f"at most {self.figure.unit.text(self.limit)}"

    def judge(self, row: Row) -> Verdict:
        """Compare what was measured with the limit."""
        if self.against:
            ratio = row.ratios[self.against]
            return self._verdict(ratio.median, ratio.best, ratio_text)
        if self.figure.unit.has_rate:
            return self._verdict(1 / row.median, 1 / row.best, _per_second)
        return self._verdict(row.median, row.best, self.figure.unit.text, at_most=True)

    def _verdict(self, median: float, best: float, text: Callable[[float], str], *, at_most: bool = False) -> Verdict:
        def holds(value: float) -> bool:
            return value <= self.limit if at_most else value >= self.limit

        reached = "yes" if holds(median) else "at best" if holds(best) else "no"
        return Verdict(self, median, best, text(median), text(best), reached)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target was reached: ``yes`` by the median of the rounds, ``at best`` only by the best one, or ``no``."""

    target: Target
    median: float
    best: float
    median_text: str
    best_text: str
    reached: str


TARGETS = (
    Target("construction", "construction", "TradeTLV, keyword", TIME, 1.0e6),
    Target("parsing and two fields", "parsing", "ref_from, bytes", TIME, 1.6e6),
    Target("tell, end to end", "tell", OURS_TELL, TIME, 8.0, against=PYKKA_TELL),
    Target("memory of a service", "memory", SERVICE, RESIDENT, 50.0 * MB),
)


def judge(results: Iterable[ContestResult]) -> Iterator[Verdict]:
    """The verdicts over those targets whose contest was held."""
    held = {result.contest.name: result for result in results}
    for target in TARGETS:
        if target.contest in held:
            yield target.judge(held[target.contest].row(target.contestant, target.figure.name))


def _per_second(rate: float) -> str:
    return f"{rate_text(rate)}/s"
