"""One turn of `mycelium bench ab`: a fresh process that measures workloads on the implementation that runs in it.

``python -m mycelium.bench.ab_turn construction parsing`` prints the seconds of one operation of each, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .contest import Contest, Contestant
from .suite import CONTESTS
from .timing import run_contest
from .units import OPERATION

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True, slots=True)
class Workload:
    """What of a contest is measured: the first of ours, so many times in a turn; the median counts."""

    contest: Contest
    contestant: Contestant
    times: int

    @property
    def operation(self) -> str:
        """What is done, as the contest calls it."""
        return self.contestant.name

    def seconds(self) -> float:
        """Of one operation."""
        alone = replace(self.contest, contestants=(self.contestant,), references=())
        return run_contest(alone, rounds=self.times).rows[0].median


def _workloads() -> Iterator[tuple[str, Workload]]:
    for name, contest in CONTESTS.items():
        ours = [one for one in contest.available if one.ours]
        if not ours or [figure.unit for figure in contest.figures] != [OPERATION]:
            continue
        # Where an operation takes two threads, its own rounds are few and long: a tenth of the messages.
        is_long = contest.rounds < 10
        sized = replace(contest, count=contest.count // 10) if is_long else contest
        yield name, Workload(sized, ours[0], 3 if is_long else min(25, contest.rounds))


#: By name: the contests over operations of messages, frames and mailboxes that can be held here.
WORKLOADS: Mapping[str, Workload] = dict(_workloads())


if __name__ == "__main__":
    print(json.dumps({name: WORKLOADS[name].seconds() for name in sys.argv[1:]}))  # noqa: T201 - what it is for
