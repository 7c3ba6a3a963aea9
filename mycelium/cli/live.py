"""What `mycelium run` shows while it runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import zip_longest
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from mycelium.ledger.report import Report, SourceProgress

from .format import bytes_text, count_text, rate_text, time_text
from .saying import say

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["LiveTable", "NoView", "PlainLines", "View", "view_for"]

_TABLE_S = 0.2
_LINE_S = 1.0
# Lines of the live view beside its rows: title, head and frame of the table, facts, and some for losses.
_LINES_BESIDE = 8


class View(ABC):
    """Shows reports; ``show`` may be called often, it draws every ``every_s`` seconds."""

    every_s = _LINE_S

    def __init__(self, read: Callable[[], Report]) -> None:
        self._read = read
        self._drawn_at = time.monotonic()
        self._last: tuple[float, int] = (0.0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027  (lines leave nothing to restore)
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def show(self) -> None:
        """Draw, if it is time."""
        now = time.monotonic()
        if now - self._drawn_at >= self.every_s:
            self._drawn_at = now
            self.draw(self._read())

    @abstractmethod
    def draw(self, report: Report) -> None:
        """Draw this report."""

    def tell(self, note: str) -> None:
        """Tell the user something now."""
        say(note)

    def rate(self, report: Report) -> float:
        """Messages handled per second since the last call."""
        before_s, before = self._last
        self._last = (report.seconds, report.total.handled)
        passed = report.seconds - before_s
        return (report.total.handled - before) / passed if passed > 0 else 0.0


class NoView(View):
    """For --quiet and --json."""

    def draw(self, report: Report) -> None:
        """Nothing."""


class PlainLines(View):
    """One line a second, for logs and pipes."""

    def draw(self, report: Report) -> None:
        """Print the line."""
        click.echo(", ".join(self.parts_of(report)))

    def parts_of(self, report: Report) -> list[str]:
        """What the line says."""
        total = report.total
        parts = [
            f"{report.seconds:5.1f} s  {report.state}",
            f"{total.handled:,} handled ({rate_text(self.rate(report))}/s)",
        ]
        if total.in_flight:
            parts.append(f"{total.in_flight:,} in flight")
        parts.extend(f"{count:,} {name}" for name, count in _losses(report))
        parts.extend(f"{source.actor} {_progress_text(source)}" for source in report.sources)
        return parts


class LiveTable(View):
    """A progress bar for each source and a row for each message, redrawn in place."""

    every_s = _TABLE_S
    #: Whether what is printed meanwhile stands above the table.
    redirect_stdout = False
    _note = ""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(), auto_refresh=False, transient=True, redirect_stdout=self.redirect_stdout)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def draw(self, report: Report) -> None:
        """Redraw."""
        self._live.update(self._picture(report), refresh=True)

    def tell(self, note: str) -> None:
        """Show it above the table from now on."""
        self._note = note
        self.draw(self._read())

    def _picture(self, report: Report) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        total = report.total
        state = self._note or report.state
        profile = f" ({report.profile})" if report.profile else ""
        title = Text.assemble((report.topology, "bold"), f"{profile}  {state}, {report.seconds:.1f} s")
        facts = [f"{rate_text(self.rate(report))} messages/s"]
        if report.hand_off.samples:
            delays = (time_text(report.hand_off.p50_us), time_text(report.hand_off.p99_us))
            facts.append(f"hand-off p50 {delays[0]}, p99 {delays[1]}")
        facts.append(bytes_text(report.resident_bytes))
        facts.append(f"{total.in_flight:,} in flight")
        if total.lost:
            facts.append(f"{total.lost:,} on links")
        lines = [title, *self.above(), *self._sources(report), self._messages(report), Text(" | ".join(facts))]
        lines.extend(Text(f"{count:,} {name}", style="yellow") for name, count in _losses(report))
        lines.extend(
            Text(f"{failure.actor} failed: {failure.error or failure.text}", style="red") for failure in report.failures
        )
        return Group(*lines)

    def above(self) -> list[RenderableType]:
        """What stands between the title and the sources; it takes `lines_above` lines."""
        return []

    @property
    def lines_above(self) -> int:
        """How many lines those are."""
        return 0

    def _sources(self, report: Report) -> list[RenderableType]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        if not report.sources:
            return []
        grid = Table.grid(padding=(0, 1))
        for source in report.sources:
            known = source.total is not None
            of = f" of {source.total:,}" if known else ""
            grid.add_row(
                source.actor,
                ProgressBar(total=source.total or 1, completed=source.done if known else 0, width=30, pulse=not known),
                f"{source.done:,}{of} {source.label}",
                "" if source.state == "running" else source.state,
            )
        return [grid]

    def _messages(self, report: Report) -> RenderableType:
        """A row a message; two messages a row where the terminal is too low for that."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        rows = [
            [row.message, count_text(row.sent), count_text(row.handled), count_text(row.in_flight)]
            for row in report.messages
        ]
        beside = _LINES_BESIDE + len(report.sources) + self.lines_above
        if len(rows) + beside > self._live.console.height:
            half = (len(rows) + 1) // 2
            rows = [[row[0], row[2], row[3]] for row in rows]
            rows = [left + right for left, right in zip_longest(rows[:half], rows[half:], fillvalue=[""] * 3)]
            heads = ["message", "handled", "waiting"] * 2
        else:
            heads = ["message", "sent", "handled", "in flight"]
        for head in heads:
            table.add_column(head, justify="left" if head == "message" else "right", min_width=len(head))
        for cells in rows:
            table.add_row(*cells)
        return table


def view_for(read: Callable[[], Report], *, silent: bool) -> View:
    """The view that fits: none, a live table on a terminal, lines elsewhere."""
    if silent:
        return NoView(read)
    return LiveTable(read) if sys.stdout.isatty() else PlainLines(read)


def _progress_text(source: SourceProgress) -> str:
    """How far it is, in percent where the end is known."""
    if source.total is None:
        return f"{source.done:,} {source.label}".rstrip()
    return f"{100 * source.done // source.total if source.total else 100} %"


def _losses(report: Report) -> list[tuple[str, int]]:
    total = report.total
    named = (("failed", total.failed), ("dropped", total.dropped), ("dead letters", total.dead_lettered))
    return [(name, count) for name, count in named if count]
