"""A report as text: aligned tables for a terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mycelium.cli.format import plain_table, rate_text

from .contest import Contest
from .report import BenchReport
from .result import ContestResult, Row
from .units import ratio_text

__all__ = ["contest_lines", "markdown_page", "report_lines"]

_TARGET_HEAD = ("target", "", "median", "best", "reached")
_EXPLAINED = (
    "Best, median and spread (the width of the middle half of the rounds, as a share of the median). "
    "Ratios are medians over rounds in which both were measured one after the other: "
    "of speed, more is better; of time, size and count, less."
)


def report_lines(report: BenchReport) -> Iterator[str]:
    """Lines for a terminal or a log."""
    for result in report.results:
        yield from contest_lines(result)
        yield ""
    if report.verdicts:
        yield from plain_table(_TARGET_HEAD, _target_rows(report), left=(0, 1))
        yield ""
    yield _EXPLAINED
    yield _machine(report)


def contest_lines(result: ContestResult) -> Iterator[str]:
    """The question of a contest, its table, and what is to be said about it."""
    contest = result.contest
    yield f"{contest.name}: {contest.question}"
    left = (0, 1) if len(contest.figures) > 1 else (0,)
    table = plain_table(_head(contest), [_cells(contest, row) for row in result.rows], left=left)
    yield from (f"  {line}" for line in table)
    yield from (f"  {remark}" for remark in _remarks(contest))


def markdown_page(report: BenchReport) -> str:
    """The part of a page that a run writes."""
    parts = [_machine(report), ""]
    if report.verdicts:
        parts += ["### Targets", "", *_markdown_table(_TARGET_HEAD, _target_rows(report)), ""]
    for result in report.results:
        contest = result.contest
        parts += [f"### {contest.name}", "", contest.question, ""]
        rows = [_cells(contest, row, bold=row.contestant.ours) for row in result.rows]
        parts += [*_markdown_table(_head(contest), rows), ""]
        for remark in _remarks(contest):
            parts += [f"{remark[:1].upper()}{remark[1:]}.", ""]
    return "\n".join(parts)


def _head(contest: Contest) -> list[str]:
    several = len(contest.figures) > 1
    unit = contest.figures[0].unit
    head = ["", *(["figure"] if several else []), "best", "median", "spread"]
    if unit.has_rate:
        head.append("per second")
    return head + [f"{unit.ratio_of} / {name}" for name in _shown_references(contest)]


def _cells(contest: Contest, row: Row, *, bold: bool = False) -> list[str]:
    unit = row.figure.unit
    cells = [f"**{row.contestant}**" if bold else row.contestant.name]
    if len(contest.figures) > 1:
        cells.append(row.figure.name)
    cells += [unit.text(row.best), unit.text(row.median), f"{row.spread:.0%}"]
    if unit.has_rate:
        cells.append(rate_text(1 / row.median))
    for name in _shown_references(contest):
        cells.append(ratio_text(row.ratios[name].median) if name in row.ratios else "")
    return cells


def _shown_references(contest: Contest) -> list[str]:
    available = {one.name for one in contest.available}
    return [name for name in contest.references if name in available]


def _remarks(contest: Contest) -> Iterator[str]:
    if contest.note:
        yield contest.note
    for extra in sorted({one.extra for one in contest.left_out}):
        lacking = [one for one in contest.left_out if one.extra == extra]
        names, modules = "; ".join(one.name for one in lacking), ", ".join(dict.fromkeys(one.needs for one in lacking))
        remedy = f"pip install 'mycelium-actors[{extra}]'" if extra else "install again where there is a C compiler"
        yield f"left out, for want of {modules}: {names} ({remedy})"


def _target_rows(report: BenchReport) -> list[list[str]]:
    return [
        [verdict.target.name, verdict.target.text, verdict.median_text, verdict.best_text, verdict.reached]
        for verdict in report.verdicts
    ]


def _machine(report: BenchReport) -> str:
    before, after = report.probes_ns
    return (
        f"{report.machine.line}. A loop of plain Python took {before:.1f} ns a turn before the run "
        f"and {after:.1f} ns after it; the run took {report.seconds:.0f} s."
    )


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield f"| {' | '.join(row)} |"
