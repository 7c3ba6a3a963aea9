"""A table that is never too wide: columns that have no room are left out, so that no number is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

__all__ = ["FittedTable"]

#: Columns that stay however narrow the terminal: the first one is cut then.
_LEAST = 2


class FittedTable:
    """Rows below ``heads``; the columns of ``left`` to the left, numbers to the right.

    ``kept`` are the columns by number, in the order in which they are kept.
    """

    def __init__(self, heads: Sequence[str], kept: Sequence[int], left: Sequence[int] = (0,)) -> None:
        self._heads = heads
        self._kept = kept
        self._left = left
        self._rows: list[Sequence[RenderableType]] = []

    def add_row(self, *cells: RenderableType) -> None:
        """Add a row with a cell for each head."""
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.measure import Measurement

        wide = options.update(max_width=10_000)
        for count in range(len(self._heads), _LEAST - 1, -1):
            table = self._table(console, sorted(self._kept[:count]))
            if Measurement.get(console, wide, table).maximum <= options.max_width:
                yield table
                return
        least = sorted(self._kept[:_LEAST])
        beside = Measurement.get(console, wide, self._table(console, least, name_width=1)).maximum - 1
        yield self._table(console, least, name_width=max(1, options.max_width - beside))

    def _table(self, console: Console, columns: Sequence[int], name_width: int | None = None) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            if column == 0:
                table.add_column(self._heads[column], no_wrap=True, max_width=name_width)
                continue
            cells = [self._heads[column], *(row[column] for row in self._rows)]
            widest = max(console.measure(cell).maximum for cell in cells)
            table.add_column(
                self._heads[column], justify="left" if column in self._left else "right", no_wrap=True, min_width=widest
            )
        for row in self._rows:
            table.add_row(*(row[column] for column in columns))
        return table
