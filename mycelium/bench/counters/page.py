"""Figures as text: for a terminal, and for a page from which they are read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

from mycelium.bench.units import ratio_text
from mycelium.cli.format import plain_table

from .figures import BARE, Counts, Figures, Key, SetUp

__all__ = ["counts_lines", "counts_page", "read_counts"]

_SET_UP_HEAD = ("counted with", "")
_HEAD = ("group", "operation", "instructions", "D1 misses", "LL misses", "beside", "times its instructions")


def counts_lines(figures: Figures) -> Iterator[str]:
    """Lines for a terminal or a log."""
    for implementation in _implementations(figures):
        yield f"{implementation}: of one message"
        yield from (f"  {line}" for line in plain_table(_HEAD, _rows(figures, implementation), left=(0, 1, 5)))
        yield ""
    yield from plain_table(_SET_UP_HEAD, list(asdict(figures.set_up).items()), left=(0, 1))


def counts_page(figures: Figures) -> str:
    """The part of a page that a run writes."""
    parts = _table(_SET_UP_HEAD, ("---", "---"), list(asdict(figures.set_up).items()))
    for implementation in _implementations(figures):
        align = ("---", "---", "---:", "---:", "---:", "---", "---:")
        parts += ["", f"### {implementation}", "", *_table(_HEAD, align, _rows(figures, implementation))]
    return "\n".join(parts) + "\n"


def read_counts(text: str) -> Figures:
    """What `counts_page` wrote. Raises ``ValueError`` where that is not it."""
    set_up: dict[str, str] = {}
    counts: dict[Key, Counts] = {}
    beside: dict[str, str] = {}
    head: Sequence[str] = ()
    implementation = ""
    for line in text.splitlines():
        if line.startswith("### "):
            implementation = line.removeprefix("### ")
        if not line.startswith("|"):
            head = ()
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not head:
            head = cells
        elif set(line) <= set("|-:"):
            continue
        elif tuple(head) == _SET_UP_HEAD:
            set_up[cells[0]] = cells[1]
        elif tuple(head) == _HEAD:
            group, operation, *numbers = cells[:5]
            counts[Key(implementation, group, operation)] = Counts(*(float(one.replace(",", "")) for one in numbers))
            if cells[5]:
                beside[group] = cells[5]
    if set(set_up) != {one.name for one in fields(SetUp)}:
        raise ValueError("it does not say what they were counted with")
    if not counts:
        raise ValueError("it has no table of counts")
    return Figures(SetUp(**set_up), counts, beside)


def _implementations(figures: Figures) -> list[str]:
    """In the order in which they were counted, the bare primitives last."""
    found = list(dict.fromkeys(key.implementation for key in figures.counts))
    return sorted(found, key=lambda one: one == BARE)


def _rows(figures: Figures, implementation: str) -> list[tuple[str, ...]]:
    rows = []
    for key, counts in figures.counts.items():
        if key.implementation == implementation:
            ratio = figures.ratio(key)
            numbers = [_number(one) for one in (counts.instructions, counts.d1_misses, counts.ll_misses)]
            relation = ("", "") if ratio is None else (figures.beside[key.group], ratio_text(ratio))
            rows.append((key.group, key.operation, *numbers, *relation))
    return rows


def _number(count: float) -> str:
    # One digit: what surrounds the operations cancels up to a few hundredths. Adding 0.0 makes a zero of -0.0.
    return f"{count:,.0f}" if count >= 99.95 else f"{round(count, 1) + 0.0:.1f}"


def _table(head: Sequence[str], align: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = (head, *rows)
    written = [f"| {' | '.join(cells)} |" for cells in lines]
    return [written[0], f"|{'|'.join(align)}|", *written[1:]]
