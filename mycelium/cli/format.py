"""Numbers, times and plain tables for people."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bytes_text", "count_text", "plain_table", "rate_text", "short_name", "time_text"]


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Lines of a table in aligned columns; those of ``left`` to the left, numbers to the right."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def count_text(count: int) -> str:
    """A number with thousands apart; a quiet dot for nothing."""
    return f"{count:,}" if count else "."


def short_name(name: str, length: int = 24) -> str:
    """A name that takes no more room: of a long one both ends, since names often differ there."""
    if len(name) <= length:
        return name
    end = (length - 1) // 2
    return f"{name[: length - 1 - end]}…{name[-end:]}"


def rate_text(per_second: float) -> str:
    """Messages per second, short: ``812``, ``12.3 k``, ``1.25 M``."""
    if per_second >= 999_500:
        return f"{per_second / 1e6:.2f} M"
    if per_second >= 9_999.5:
        return f"{per_second / 1e3:.1f} k"
    return f"{per_second:,.0f}"


def bytes_text(count: int) -> str:
    """Megabytes (of a million bytes) with one digit."""
    return f"{count / 1e6:.1f} MB"


def time_text(microseconds: float) -> str:
    """A latency in the unit that fits."""
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.2f} s"
    if microseconds >= 1e3:
        return f"{microseconds / 1e3:.1f} ms"
    return f"{microseconds:.1f} us"
