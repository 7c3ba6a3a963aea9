"""The table of the readme: a few rows of a run, each beside what one would use instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .contest import Contest
from .report import BenchReport
from .units import ratio_text

__all__ = ["COSTS", "Cost", "cost_table", "costs_of", "left_out_costs"]


@dataclass(frozen=True, slots=True)
class Cost:
    """A row: what it is in plain words, a figure of a contestant, and the reference that it stands beside."""

    what: str
    contest: str
    contestant: str
    beside: str
    #: Where the contest has several.
    figure: str = "time"


COSTS = (
    Cost(
        "making a message of four integers, by keyword", "construction", "TradeTLV, keyword", "msgspec.Struct, keyword"
    ),
    Cost("the same, by position, into bytes", "construction", "TradeTLV, positional", "struct.pack"),
    Cost("two fields of a record in a buffer", "parsing", "ref_from, bytes", "struct.unpack_from"),
    Cost("the same", "parsing", "ref_from, bytes", "ctypes.from_buffer"),
    Cost("one field of a message", "field", "TradeTLV, view", "ctypes"),
    Cost("the same, beside an int that is there already", "field", "TradeTLV, view", "msgspec.Struct"),
    Cost(
        "finding a record and checking its constraints",
        "validation",
        "TradeTLV, ref_from_validated",
        "TradeTLV, ref_from",
    ),
    Cost("a frame of 1,000 into a handler", "dispatch", "read_frame, dispatch", "struct.iter_unpack, for"),
    Cost("one field of 1,000 messages, as a column", "columns", "Batch.column, sum", "numpy array, sum"),
    Cost("a DBN file, two fields of each trade", "databento", "Batch.over, two fields", "databento-dbn, two fields"),
    Cost("a DBN file, one field summed", "databento", "Batch.over, column, sum", "databento-dbn, sum"),
    Cost("a message told to another thread, until it is handled", "tell", "mycelium, tell", "pykka, tell"),
    Cost("a message emitted by a source, the same way", "tell", "mycelium, emit from a source", "pykka, tell"),
    Cost("a question and its answer between two threads", "ask", "mycelium, ask", "pykka, ask", "p50"),
    Cost("a service of three actors", "memory", "mycelium run, 3 actors", "python, bare", "resident"),
)


def cost_table(ratios: Iterable[str]) -> str:
    """The table in Markdown; ``ratios`` are those of `COSTS`, in its order."""
    rows = (
        f"| {one.what} | {one.beside} | {ratio} | `{one.contest}` |" for one, ratio in zip(COSTS, ratios, strict=True)
    )
    return "\n".join(["| | beside | ratio | bench |", "|---|---|---:|---|", *rows])


def costs_of(report: BenchReport) -> str:
    """The table of a run that held all contests of `COSTS` with everybody there. Raises ``KeyError``."""
    held = {result.contest.name: result for result in report.results}
    rows = [held[one.contest].row(one.contestant, one.figure) for one in COSTS]
    return cost_table(
        f"{ratio_text(row.ratios[one.beside].median)} the {row.figure.unit.ratio_of}"
        for one, row in zip(COSTS, rows, strict=True)
    )


def left_out_costs(contests: Iterable[Contest]) -> list[str]:
    """What the table would lack if these contests were held here, now: contests, and who is not installed."""
    held = {one.name: {two.name for two in one.available} for one in contests}
    lacking = [one.contest for one in COSTS if one.contest not in held]
    lacking += [
        name
        for one in COSTS
        for name in (one.contestant, one.beside)
        if one.contest in held and name not in held[one.contest]
    ]
    return list(dict.fromkeys(lacking))
