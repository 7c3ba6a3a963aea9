"""What `mycelium run` shows of a topology on several nodes while it runs: how each node is, and all of them as one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mycelium.cluster.watching import NodesWatch
from mycelium.ledger.report import Report

from .fitted_table import FittedTable
from .format import bytes_text, count_text, short_name
from .live import LiveTable, PlainLines, View

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["NodesLines", "NodesTable", "view_of_nodes"]

_HEADS = ("node", "state", "deaths", "pid", "handled", "in flight", "memory")
_KEPT = (0, 1, 2, 4, 5, 6, 3)
_STYLES = {"running": "green", "starting": "cyan", "restarting": "yellow", "died": "bold red", "silent": "bold red"}


class NodesTable(LiveTable):
    """The live table of one process, and above it a row for each node."""

    redirect_stdout = True

    def __init__(self, watch: NodesWatch) -> None:
        super().__init__(watch.report)
        self._standings = watch.standings

    def above(self) -> list[RenderableType]:
        from rich.text import Text

        table = FittedTable(_HEADS, _KEPT, left=(0, 1))
        for node in self._standings():
            table.add_row(
                short_name(node.name),
                Text(node.state, style=_STYLES.get(node.state, "")),
                Text(count_text(node.deaths), style="yellow" if node.deaths else ""),
                str(node.pid or ""),
                count_text(node.handled),
                count_text(node.in_flight),
                bytes_text(node.resident_bytes) if node.resident_bytes else "",
            )
        return [table]

    @property
    def lines_above(self) -> int:
        """The rows and the frame of the table of nodes."""
        return len(self._standings()) + 3


class NodesLines(PlainLines):
    """One line a second; nodes that do not run are named in it."""

    def __init__(self, watch: NodesWatch) -> None:
        super().__init__(watch.report)
        self._standings = watch.standings

    def parts_of(self, report: Report) -> list[str]:
        """Those of one process, and the nodes that do something else than running."""
        others = [f"{node.name} {node.state}" for node in self._standings() if node.state != report.state]
        return [*super().parts_of(report), *others]


def view_of_nodes(watch: NodesWatch) -> View:
    """The view that fits: a live table on a terminal, lines elsewhere."""
    return NodesTable(watch) if sys.stdout.isatty() else NodesLines(watch)
