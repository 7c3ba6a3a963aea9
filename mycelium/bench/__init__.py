"""The benches as a library: what `mycelium bench` runs in its short form and `benches/` in its long one.

`contest` says what a bench is, `timing` takes turns, `result` works out best, median, spread and ratios;
`operations`, `frames`, `columns`, `dbn`, `telling`, `supervising`, `observing`, `asking`, `savina`, `allocations`, `hot_path`,
`many_actors` and `footprint` are the workloads, `messages` and `peers` the record in the words of others, `suite` lists the contests;
`allocator_calls` counts what an operation asks of CPython's allocators;
`targets` holds what the project set out to reach; `report`, `tables`, `costs` and `plot` show it.
`ab` runs the same under two implementations of messages, and `distinguish` tells these from noise.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

#: The module of each exported name, imported with its first use: the service whose footprint is measured is in this
#: package, and would load all the benches with it.
_HOMES = {
    "AllocatorCalls": "allocator_calls",
    "BenchReport": "report",
    "CONTESTS": "suite",
    "COSTS": "costs",
    "Contest": "contest",
    "ContestResult": "result",
    "Contestant": "contest",
    "Cost": "costs",
    "DomainCalls": "allocator_calls",
    "Figure": "contest",
    "Ratio": "result",
    "Row": "result",
    "Samples": "result",
    "TARGETS": "targets",
    "Target": "targets",
    "Verdict": "targets",
    "contest_lines": "tables",
    "cost_table": "costs",
    "costs_of": "costs",
    "count_allocations": "allocator_calls",
    "is_hook_built": "allocator_calls",
    "left_out_costs": "costs",
    "markdown_page": "tables",
    "report_lines": "tables",
    "result_of": "result",
    "run_contest": "timing",
    "run_contests": "report",
    "run_topology": "footprint",
    "svg_plot": "plot",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import an exported name."""
        if name not in _HOMES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
