"""A report as a picture: an SVG with a panel for each contest and a bar for each contestant."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from .report import BenchReport
from .result import ContestResult, Row

__all__ = ["svg_plot"]

_WIDTH = 860
_LABEL = 250
_BAR = 440
_LINE = 22
_HEAD = 44
_FOOT = 30
_OURS, _OTHERS, _INK, _QUIET = "#2f7d4f", "#a9b4bd", "#1c2429", "#66737d"
_STYLE = "font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 13px"


def svg_plot(report: BenchReport) -> str:
    """The medians as bars, ours in green; a white mark in each bar shows the best round."""
    parts = [_text(16, 22, "Medians; shorter is better. Green: ours. White mark: the best round.", fill=_QUIET)]
    y = 44
    for panel in _panels(report):
        drawn, height = _panel(panel, y)
        parts += drawn
        y += height
    parts.append(_text(16, y + 8, report.machine.line, fill=_QUIET, size=11))
    height = y + _FOOT
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
                f'viewBox="0 0 {_WIDTH} {height}" style="{_STYLE}" role="img">'
            ),
            "<title>What the benches measured</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        )
    )


def _panels(report: BenchReport) -> Iterator[tuple[str, list[Row]]]:
    """A panel for each figure of each contest: a title and its rows."""
    for result in report.results:
        for figure in result.contest.figures:
            rows = [row for row in result.rows if row.figure == figure]
            if any(row.median for row in rows):
                yield _title(result, figure.name), rows


def _title(result: ContestResult, figure: str) -> str:
    contest = result.contest
    return contest.question if len(contest.figures) == 1 else f"{contest.question} ({figure})"


def _panel(panel: tuple[str, list[Row]], top: int) -> tuple[list[str], int]:
    title, rows = panel
    scale = _BAR / max(row.median for row in rows)
    parts = [_text(16, top + 14, title, weight="bold")]
    y = top + 26
    for row in rows:
        width = max(1.0, row.median * scale)
        best = row.best * scale
        colour = _OURS if row.contestant.ours else _OTHERS
        parts.append(_text(_LABEL - 10, y + 13, row.contestant.name, anchor="end"))
        parts.append(f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_LINE - 6}" rx="2" fill="{colour}"/>')
        parts.append(
            f'<rect x="{_LABEL + max(0.0, best - 2):.1f}" y="{y}" width="1.5" height="{_LINE - 6}" fill="#ffffff"/>'
        )
        parts.append(_text(_LABEL + width + 8, y + 13, row.figure.unit.text(row.median), fill=_QUIET))
        y += _LINE
    return parts, _HEAD + _LINE * len(rows)


def _text(
    x: float, y: float, text: str, *, fill: str = _INK, anchor: str = "start", weight: str = "normal", size: int = 13
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" '
        f'font-weight="{weight}" font-size="{size}">{escape(text)}</text>'
    )
