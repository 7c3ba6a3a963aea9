"""The same work under two implementations of the message layer, in turns: what `mycelium bench ab` runs.

Every turn is a process of its own, because some of what makes a process fast or slow is decided once for its whole
life: where its memory lies, how its hashes fall (T. Mytkowicz et al., *Producing Wrong Data Without Doing Anything
Obviously Wrong!*, ASPLOS 2009). A round is one turn of each side, and the order is A B, B A, A B, ..., so that neither
comes first more often, and a machine that slows down slows both.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mycelium
from mycelium.errors.bench import BenchProcessError
from tlv.implementation import VARIABLE

from .ab_turn import WORKLOADS
from .distinguish import Interval, interval_of, with_itself
from .machine import Machine, this_machine

__all__ = ["Comparison", "Side", "Work", "compare", "operations", "run_ab", "topology"]


@dataclass(frozen=True, slots=True)
class Work:
    """What a turn does. ``arguments`` are those of a fresh interpreter; ``read`` takes the seconds of one operation
    of each workload from what it prints, and how much was done where that may differ.
    """

    operations: Mapping[str, str]
    arguments: tuple[str, ...]
    read: Callable[[Any], tuple[dict[str, float], int]]


@dataclass(frozen=True, slots=True)
class Side:
    """One implementation: seconds of an operation, the best and the median over the rounds."""

    best: float
    median: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A workload under both. ``speed`` is how many times the speed of B A has, over the rounds; ``itself`` is the
    same of A and A, from turns that followed each other.
    """

    workload: str
    operation: str
    a: Side
    b: Side
    speed: Interval
    itself: Interval

    @property
    def distinguishable(self) -> bool:
        """Whether the interval of the ratio leaves out 1."""
        return not self.speed.holds(1.0)

    @property
    def steady(self) -> bool:
        """Whether A is not told apart from itself: where it is, the machine was not fit to measure on."""
        return self.itself.holds(1.0)


@dataclass(frozen=True, slots=True)
class AbReport:
    """All comparisons of a run. ``done`` is how many messages a topology handled on either side, one number a side
    where every run of it handled as many.
    """

    a: str
    b: str
    rounds: int
    machine: Machine
    comparisons: tuple[Comparison, ...]
    done: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def same_work(self) -> bool:
        """Whether all runs of both sides did as much."""
        return len({*self.done[0], *self.done[1]}) <= 1

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times are seconds of one operation."""
        rendered = [
            {
                **asdict(one),
                "speed": _interval_dict(one.speed),
                "itself": _interval_dict(one.itself),
                "distinguishable": one.distinguishable,
                "steady": one.steady,
            }
            for one in self.comparisons
        ]
        return {**asdict(self), "comparisons": rendered, "same_work": self.same_work}


def _interval_dict(interval: Interval) -> dict[str, float | None]:
    """JSON has no infinity: bounds that are unknown are null."""
    return {name: value if math.isfinite(value) else None for name, value in asdict(interval).items()}


def operations(names: Sequence[str]) -> Work:
    """Workloads by name, of `WORKLOADS`."""

    def read(told: Any) -> tuple[dict[str, float], int]:
        return {name: float(told[name]) for name in names}, 0

    shown = {name: WORKLOADS[name].operation for name in names}
    return Work(shown, ("-m", "mycelium.bench.ab_turn", *names), read)


def topology(file: Path, options: Sequence[str] = ()) -> Work:
    """A whole run of a topology, by `mycelium run`; an operation is a message handled."""

    def read(told: Any) -> tuple[dict[str, float], int]:
        handled = int(told["total"]["handled"])
        return {file.name: float(told["seconds"]) / max(1, handled)}, handled

    command = ("-m", "mycelium", "run", str(file), "--json", "--log-level", "error", *options)
    return Work({file.name: "a message of the run"}, command, read)


def run_ab(
    a: str, b: str, works: Sequence[Work], *, rounds: int, told: Callable[[int], None] | None = None
) -> AbReport:
    """Hold ``rounds`` rounds of all ``works``; ``told`` hears of each that begins.

    Raises `BenchProcessError` where a process of it fails.
    """
    seconds: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    done: tuple[list[int], list[int]] = ([], [])
    for number in range(rounds):
        if told is not None:
            told(number)
        for side in (1, 0) if number % 2 else (0, 1):
            for work in works:
                measured, count = work.read(_turn((a, b)[side], work.arguments))
                done[side].extend([count] if count else [])
                for name, value in measured.items():
                    seconds[side].setdefault(name, []).append(value)
    shown = {name: text for work in works for name, text in work.operations.items()}
    comparisons = tuple(compare(name, shown[name], seconds[0][name], seconds[1][name]) for name in shown)
    counts = (tuple(sorted(set(done[0]))), tuple(sorted(set(done[1]))))
    return AbReport(a, b, rounds, this_machine(), comparisons, counts)


def compare(workload: str, operation: str, a: Sequence[float], b: Sequence[float]) -> Comparison:
    """Of the seconds of each round, in its order."""
    speed = interval_of([theirs / ours for ours, theirs in zip(a, b, strict=True)])
    return Comparison(workload, operation, _side(a), _side(b), speed, interval_of(with_itself(a)))


def _side(seconds: Sequence[float]) -> Side:
    return Side(min(seconds), interval_of(seconds).median)


def _turn(choice: str, arguments: Sequence[str]) -> Any:
    """What a fresh interpreter prints under an implementation. It finds the same ``mycelium`` as we do."""
    ours = str(Path(mycelium.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    ended = subprocess.run(  # noqa: S603 - our own interpreter, our own programs
        (sys.executable, *arguments),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | {VARIABLE: choice, "PYTHONPATH": path},
    )
    try:
        if ended.returncode == 0:
            return json.loads(ended.stdout)
    except ValueError as cause:
        reason = f"what it printed is no JSON: {cause}"
    else:
        lines = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()
        said = next((line for line in lines if line.startswith("mycelium: ")), lines[-1])
        reason = f"it ended with code {ended.returncode}: {said}"
    raise BenchProcessError(command=" ".join(("python", *arguments)), choice=choice, reason=reason)
