"""A run of the benches: the results of its contests, the verdicts, and where it all came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from time import perf_counter
from typing import Any

from .contest import Contest
from .machine import Machine, probe_ns, this_machine
from .result import ContestResult
from .targets import Verdict, judge
from .timing import run_contest

__all__ = ["BenchReport", "run_contests"]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What a run gave. ``probes_ns`` is the speed of the machine before and after it."""

    machine: Machine
    results: tuple[ContestResult, ...]
    seconds: float
    probes_ns: tuple[float, float]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of the targets whose contests were held."""
        return tuple(judge(self.results))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: values are seconds, bytes or blocks of one operation."""
        return {
            "machine": asdict(self.machine),
            "seconds": self.seconds,
            "probes_ns": list(self.probes_ns),
            "contests": [_contest_dict(result) for result in self.results],
            "targets": [
                {
                    "name": verdict.target.name,
                    "target": verdict.target.text,
                    "limit": verdict.target.limit,
                    "median": verdict.median,
                    "best": verdict.best,
                    "reached": verdict.reached,
                }
                for verdict in self.verdicts
            ],
        }


def run_contests(
    contests: Iterable[Contest], *, rounds: int | None = None, told: Callable[[Contest], None] | None = None
) -> BenchReport:
    """Hold the contests one after the other; ``told`` is called before each round of each."""
    started = perf_counter()
    before = probe_ns()
    results = tuple(
        run_contest(contest, rounds=rounds, told=None if told is None else partial(told, contest))
        for contest in contests
    )
    return BenchReport(this_machine(), results, perf_counter() - started, (before, probe_ns()))


def _contest_dict(result: ContestResult) -> dict[str, Any]:
    contest = result.contest
    return {
        "name": contest.name,
        "question": contest.question,
        "operations_per_round": contest.count,
        "references": list(contest.references),
        "left_out": [{"contestant": one.name, "needs": one.needs} for one in contest.left_out],
        "rows": [
            {
                "contestant": row.contestant.name,
                "ours": row.contestant.ours,
                "figure": row.figure.name,
                "unit": row.figure.unit.base,
                "best": row.best,
                "median": row.median,
                "low": row.low,
                "high": row.high,
                "rounds": row.rounds,
                "ratio_of": row.figure.unit.ratio_of,
                "ratios": {name: asdict(ratio) for name, ratio in row.ratios.items()},
            }
            for row in result.rows
        ],
    }
