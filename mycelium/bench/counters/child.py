"""The process whose instructions are counted: ``python -m mycelium.bench.counters.child``.

``callgrind GROUP...`` counts every operation of the groups by itself, and names each group when it is
done. ``perf GROUP NUMBER COUNT`` only does an operation that many times, for somebody who counts from the outside.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Iterable
from typing import NoReturn

from mycelium.bench.contest import Measure

from .callgrind import ClientRequests
from .operations import GROUPS, EmptyLoop, empty_loop

__all__ = ["count_groups", "do_operation", "measures_of"]

_WARM_UP = 3
_WARM_REQUESTS = 30


def measures_of(name: str) -> dict[str, Measure]:
    """The operations of a group that can run here, prepared; the empty loop is one of them where it is to be known."""
    group = GROUPS[name]
    measures = {EmptyLoop: empty_loop()} if group.inline else {}
    return measures | {one.name: one.prepare() for one in group.operations if one.is_available}


def count_groups(names: Iterable[str]) -> None:
    """Count each group in a fork of this process: they start alike, whichever else is counted, and import only once."""
    for name in names:
        child = os.fork()
        if child == 0:
            _count_group_and_end(name)
        if os.waitpid(child, 0)[1]:
            sys.exit(1)
        print(name, flush=True)  # noqa: T201 - told to whoever started us


def _count_group_and_end(name: str) -> NoReturn:
    code = 1
    try:
        _count_group(name)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _count_group(name: str) -> None:
    """Have callgrind write down each operation twice: as often as the group says, and twice as often."""
    count = GROUPS[name].count
    measures = measures_of(name)
    gc.disable()
    valgrind = ClientRequests()
    plan = []
    for operation, measure in measures.items():
        for _ in range(_WARM_UP):
            measure(count)  # specialised bytecode, freelists
        labels = [valgrind.label(text) for text in ("unread", f"1 {name}: {operation}", f"2 {name}: {operation}")]
        plan.append((measure, list(zip((2 * count, count, 2 * count), labels, strict=True))))
    for _ in range(_WARM_REQUESTS):
        valgrind.zero()
    valgrind.start()
    for measure, runs in plan:
        for times, label in runs:  # the first one fills the simulated caches
            valgrind.zero()
            measure(times)
            valgrind.dump(label)


def do_operation(name: str, number: int, count: int) -> None:
    """Do the operation of that number so many times."""
    measure = list(measures_of(name).values())[number]
    gc.disable()
    measure(count)


if __name__ == "__main__":
    if sys.argv[1] == "callgrind":
        count_groups(sys.argv[2:])
    else:
        do_operation(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
