"""Starts the children that are counted, one for each implementation at a time, and gathers what they did."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import mycelium
from mycelium.errors.bench import CountFailedError
from tlv.implementation import VARIABLE, available

from . import callgrind, perf
from .children import Children
from .figures import BARE, Counts, Figures, Key, this_set_up
from .operations import GROUPS, EmptyLoop, Group

__all__ = ["COUNTED", "run_counters"]

#: The implementations that are counted, where they were built.
COUNTED = ("native", "python")

_CHILD = (sys.executable, "-m", "mycelium.bench.counters.child")

#: By group and operation.
Found = dict[tuple[str, str], Counts]
#: Hears of each group that was counted, and for which implementation.
Told = Callable[[str, str], None]


def run_counters(
    groups: Iterable[str],
    *,
    implementations: Sequence[str] = COUNTED,
    counter: str = callgrind.NAME,
    told: Told = lambda group, implementation: None,
) -> Figures:
    """Count the operations of groups in processes of their own, one for each implementation at the same time.

    None of them is left when this ends, also by Ctrl-C. ``told`` hears of each group that was counted,
    from other threads. Raises `CounterMissingError`, `CountFailedError`.
    """
    wanted = [GROUPS[name] for name in groups]
    chosen = [one for one in COUNTED if one in implementations and one in available()]
    if counter == callgrind.NAME:
        caches = ", ".join(f"{name} {geometry}" for name, geometry in callgrind.CACHES.items())
        set_up = this_set_up(callgrind.counter_version(), caches)
        count = _count_by_callgrind
    else:
        set_up = this_set_up(perf.counter_version(), "those of the machine")
        count = _count_by_perf
    with Children(len(chosen)) as children:
        results = children.all_of([partial(count, children, wanted, one, told) for one in chosen])
    counts: dict[Key, Counts] = {}
    for implementation, found in zip(chosen, results, strict=True):
        for group in wanted:
            for one in group.operations:
                if one.is_available:
                    key = Key(implementation if one.ours else BARE, group.name, one.name)
                    counts.setdefault(key, found[group.name, one.name])
    return Figures(set_up, counts, {group.name: group.beside.name for group in wanted})


def _count_by_callgrind(children: Children, groups: Sequence[Group], implementation: str, told: Told) -> Found:
    left = [group.name for group in groups]

    def hear(line: str) -> None:
        left.remove(line)
        told(line, implementation)

    found: Found = {}
    with tempfile.TemporaryDirectory(prefix="mycelium-counters-") as name:
        directory = Path(name)
        program = (*_CHILD, "callgrind", *left)
        try:
            children.run(callgrind.command(program, directory), _environment(implementation), directory, hear)
            dumps = dict(callgrind.read_dumps(directory))
            for group in groups:
                of_group = {}
                for one in _names(group):
                    once, twice = (dumps[f"{times} {group.name}: {one}"] for times in (1, 2))
                    of_group[one] = twice.per_message(once, group.count)
                found |= _without_loop(group, of_group)
        except (OSError, RuntimeError, ValueError, KeyError) as cause:
            what = left[0] if left else "all"
            raise CountFailedError(group=what, implementation=implementation, cause=str(cause)) from cause
    return found


def _count_by_perf(children: Children, groups: Sequence[Group], implementation: str, told: Told) -> Found:
    found: Found = {}
    with tempfile.TemporaryDirectory(prefix="mycelium-counters-") as name:
        directory = Path(name)
        output = directory / "counts"
        for group in groups:
            of_group = {}
            for number, operation in enumerate(_names(group)):
                totals = []
                try:
                    for count in perf.COUNTS:
                        program = (*_CHILD, "perf", group.name, str(number), str(count))
                        children.run(perf.command(program, output), _environment(implementation), directory)
                        totals.append(perf.read_counters(output.read_text(encoding="utf-8")))
                except (OSError, RuntimeError, ValueError) as cause:
                    raise CountFailedError(group=group.name, implementation=implementation, cause=str(cause)) from cause
                of_group[operation] = totals[1].per_message(totals[0], perf.COUNTS[1] - perf.COUNTS[0])
            found |= _without_loop(group, of_group)
            told(group.name, implementation)
    return found


def _names(group: Group) -> list[str]:
    """The operations in the order in which a child has them."""
    return [*([EmptyLoop] if group.inline else []), *(one.name for one in group.operations if one.is_available)]


def _without_loop(group: Group, found: dict[str, Counts]) -> Found:
    loop = found.pop(EmptyLoop, Counts(0, 0, 0))
    return {(group.name, operation): counts.per_message(loop, 1) for operation, counts in found.items()}


def _environment(implementation: str) -> dict[str, str]:
    """The same for everybody, as far as may be: it lies in the memory of the child, and settings change what runs."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(Path(mycelium.__file__).resolve().parents[1]),
        VARIABLE: implementation,
    }
