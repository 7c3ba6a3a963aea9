"""The final report of `mycelium run` as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from mycelium.ledger.report import Report, SourceProgress

from .format import bytes_text, count_text, plain_table, rate_text, time_text

__all__ = ["failure_lines", "final_lines", "verdict_line"]


def final_lines(report: Report, width: int | None = None) -> Iterator[str]:
    """Everything that a run has to say, the verdict last; summaries are wrapped to ``width``."""
    profile = f" ({report.profile})" if report.profile else ""
    yield f"{report.topology}{profile}: {report.state} after {report.seconds:.2f} s"
    for actor, said in report.summaries.items():
        yield ""
        yield click.style(actor, bold=True)
        yield from _wrapped(said, width)
    yield ""
    yield from _messages(report)
    yield ""
    for source in report.sources:
        yield f"source    {_source(source)}"
    yield f"rate      {rate_text(report.rate)} messages/s (tlv: {report.tlv})"
    if report.hand_off.samples:
        delays = f"p50 {time_text(report.hand_off.p50_us)}, p99 {time_text(report.hand_off.p99_us)}"
        yield f"hand-off  {delays} ({report.hand_off.samples:,} samples)"
    yield f"memory    {bytes_text(report.resident_bytes)} resident, {bytes_text(report.peak_bytes)} at most"
    for row in report.overflows:
        yield f"full      {row.actor} {row.what} {row.count:,} {row.message}"
    for counts in report.actors:
        if counts.restarted:
            yield f"restarted {counts.actor} {counts.restarted:,} {'times' if counts.restarted > 1 else 'time'}"
    for message, count in report.unrouted.items():
        yield f"unrouted  {count:,} {message} were emitted, and nobody receives them"
    yield from (click.style(f"failed    {line}", fg="red") for line in failure_lines(report))
    yield verdict_line(report)


def failure_lines(report: Report) -> list[str]:
    """Who failed of what; those that failed of the same stand together."""
    texts = dict.fromkeys(failure.text for failure in report.failures)
    together = ((text, [failure.actor for failure in report.failures if failure.text == text]) for text in texts)
    return [f"{', '.join(actors)}: {text}" for text, actors in together]


def verdict_line(report: Report) -> str:
    """The ledger's verdict, in green or red where there are colours."""
    return click.style(f"ledger    {report.verdict}", fg="green" if report.balanced else "red", bold=True)


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    """The lines of a summary, set in; where one is too long, it goes on further in, between words."""
    for line in text.rstrip("\n").splitlines():
        if width is None or len(line) + 2 <= width:
            yield f"  {line}"
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from textwrap.wrap(
            line.strip(),
            width,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            drop_whitespace=True,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _messages(report: Report) -> Iterator[str]:
    """The ledger's rows; columns that are empty throughout are left out, dropped and dead letters never."""
    total = report.total
    columns = ["sent", "handled", "failed", "dropped", "dead_lettered", "in_flight", "lost"]
    columns = [name for name in columns if name not in {"failed", "in_flight", "lost"} or getattr(total, name)]
    head = ["type", "message", *(name.replace("_", "-") for name in columns)]
    rows = [
        [str(row.type_id) if row.type_id else "", row.message, *(count_text(getattr(row, name)) for name in columns)]
        for row in (*report.messages, total)
    ]
    yield from plain_table(head, rows, left=(1,))


def _source(source: SourceProgress) -> str:
    of = f" of {source.total:,}" if source.total is not None else ""
    label = f" {source.label}" if source.label else ""
    said = f"{source.actor}: {source.done:,}{of}{label}, {source.state}"
    if source.refused:
        said += f"; refused: {', '.join(f'{count:,} {reason}' for reason, count in source.refused.items())}"
    return said
