"""``mycelium bench --counters``: instructions and cache misses, and whether they have grown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mycelium.errors.bench import CountsGrownError, CountsPageError

from .page import Page

if TYPE_CHECKING:
    from mycelium.bench.counters import Comparison, Figures

__all__ = ["COUNTERS_PAGE", "count_instructions", "list_groups"]

COUNTERS_PAGE = Page("counters: written by `mycelium bench --counters --into`", "end of the counters")


def list_groups(names: Sequence[str], *, as_json: bool) -> None:
    """Print what can be counted, and count nothing."""
    from mycelium.bench.counters import GROUPS

    groups = [GROUPS[name] for name in names or GROUPS]
    if as_json:
        rows = [
            {"name": one.name, "question": one.question, "operations": [str(each) for each in one.operations]}
            for one in groups
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in groups:
        click.echo(f"{one.name:<{max(map(len, GROUPS))}}  {one.question}")


def count_instructions(
    names: Sequence[str], *, counter: str, check: Path | None, pages: Sequence[Path], markdown: bool, as_json: bool
) -> None:
    """Count, and print, write or compare. Raises `CountsGrownError` where something has grown."""
    from mycelium.bench.counters import COUNTED, GROUPS, compare, counts_lines, counts_page, run_counters
    from tlv.implementation import VARIABLE

    recorded = None if check is None else _recorded(check)
    chosen = [one for one in COUNTED if one == os.environ.get(VARIABLE)]
    numbers = count(1)

    def told(group: str, implementation: str) -> None:
        click.echo(f"counted {group} ({implementation}), {next(numbers)}", err=True)

    figures = run_counters(
        dict.fromkeys(names or GROUPS), implementations=chosen or COUNTED, counter=counter, told=told
    )
    comparison = None if recorded is None else compare(recorded, figures)
    if as_json:
        click.echo(json.dumps(_as_dict(figures, comparison), indent=2))
    elif pages:
        for page in pages:
            COUNTERS_PAGE.renew(page, counts_page(figures))
    elif markdown:
        click.echo(counts_page(figures), nl=False)
    else:
        lines = [*counts_lines(figures), *(["", *_verdict(comparison, check)] if comparison else [])]
        for line in lines:
            click.echo(line)
    if comparison and comparison.grown:
        raise CountsGrownError(
            count=len(comparison.grown),
            percent=round(100 * comparison.allowed),
            grown="; ".join(map(str, comparison.grown)),
        )


def _recorded(page: Path) -> Figures:
    from mycelium.bench.counters import read_counts

    try:
        return read_counts(COUNTERS_PAGE.written(page))
    except (OSError, ValueError) as cause:
        raise CountsPageError(page=str(page), reason=str(cause)) from cause


def _verdict(comparison: Comparison, page: Path | None) -> Iterator[str]:
    yield from comparison.remarks
    if comparison.unrecorded:
        yield f"not recorded yet: {', '.join(map(str, comparison.unrecorded))}"
    for change in comparison.shrunk:
        yield f"less than recorded: {change}"
    if comparison.shrunk:
        yield f"to hold what was gained, record it: mycelium bench --counters --into {page}"
    if comparison.compared and not comparison.grown:
        yield f"{comparison.compared} operations compared with {page}: none has grown by more than {comparison.allowed:.0%}"


def _as_dict(figures: Figures, comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return figures.to_dict()
    told = {
        "compared": comparison.compared,
        "allowed": comparison.allowed,
        "grown": [asdict(change) for change in comparison.grown],
        "shrunk": [asdict(change) for change in comparison.shrunk],
        "unrecorded": [asdict(key) for key in comparison.unrecorded],
        "remarks": list(comparison.remarks),
    }
    return figures.to_dict() | {"check": told}
