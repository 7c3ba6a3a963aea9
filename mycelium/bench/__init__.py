"""The benches as a library: what `mycelium bench` runs in its short form and `benches/` in its long one.

`contest` says what a bench is, `timing` takes turns, `result` works out best, median, spread and ratios;
`operations`, `frames`, `columns`, `dbn`, `telling`, `supervising`, `observing`, `asking`, `savina`, `allocations`, `hot_path` and
`footprint` are the workloads, `messages` and `peers` the record in the words of others, `suite` lists the contests;
`allocator_calls` counts what an operation asks of CPython's allocators;
`targets` holds what the project set out to reach; `report`, `tables`, `costs` and `plot` show it.
`ab` runs the same under two implementations of messages, and `distinguish` tells these from noise.
"""

from __future__ import annotations

from .allocator_calls import AllocatorCalls, DomainCalls, count_allocations, is_hook_built
from .contest import Contest, Contestant, Figure
from .costs import COSTS, Cost, cost_table, costs_of, left_out_costs
from .footprint import run_topology
from .plot import svg_plot
from .report import BenchReport, run_contests
from .result import ContestResult, Ratio, Row, Samples, result_of
from .suite import CONTESTS
from .tables import contest_lines, markdown_page, report_lines
from .targets import TARGETS, Target, Verdict
from .timing import run_contest

__all__ = [
    "CONTESTS",
    "COSTS",
    "TARGETS",
    "AllocatorCalls",
    "BenchReport",
    "Contest",
    "ContestResult",
    "Contestant",
    "Cost",
    "DomainCalls",
    "Figure",
    "Ratio",
    "Row",
    "Samples",
    "Target",
    "Verdict",
    "contest_lines",
    "cost_table",
    "costs_of",
    "count_allocations",
    "is_hook_built",
    "left_out_costs",
    "markdown_page",
    "report_lines",
    "result_of",
    "run_contest",
    "run_contests",
    "run_topology",
    "svg_plot",
]
