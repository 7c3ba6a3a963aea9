"""The benches as a library: what `mycelium bench` runs in its short form and `benches/` in its long one.

`contest` says what a bench is, `timing` takes turns, `result` works out best, median, spread and ratios;
`messages`, `frames`, `telling`, `asking`, `allocations` and `footprint` are the workloads, `suite` lists
them; `targets` holds what the project set out to reach; `report`, `tables` and `plot` show it.
"""

from __future__ import annotations

from .contest import Contest, Contestant, Figure
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
    "TARGETS",
    "BenchReport",
    "Contest",
    "ContestResult",
    "Contestant",
    "Figure",
    "Ratio",
    "Row",
    "Samples",
    "Target",
    "Verdict",
    "contest_lines",
    "markdown_page",
    "report_lines",
    "result_of",
    "run_contest",
    "run_contests",
    "run_topology",
    "svg_plot",
]
