"""What does not depend on the noise of a machine: instructions and simulated cache misses of one message.

`operations` says what is counted, `child` does it in a process of its own, under `callgrind` or
`perf`; `run` starts the children and gathers their `figures`; `page` writes the figures into a
page and reads them again, `growth` compares two of them.
"""

from __future__ import annotations

from .figures import Counts, Figures, Key, SetUp
from .growth import Comparison, compare
from .operations import GROUPS, Group
from .page import counts_lines, counts_page, read_counts
from .run import COUNTED, run_counters

__all__ = [
    "COUNTED",
    "GROUPS",
    "Comparison",
    "Counts",
    "Figures",
    "Group",
    "Key",
    "SetUp",
    "compare",
    "counts_lines",
    "counts_page",
    "read_counts",
    "run_counters",
]
