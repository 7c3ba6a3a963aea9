"""A message as a picture of its bytes: eight in a row, a cell for each field."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tlv import TLV, Field

__all__ = ["byte_diagram"]

_ROW = 8


def byte_diagram(message: type[TLV]) -> str:
    """An HTML table of the fixed part of a message; fields that go on in the next row are named once."""
    rows: list[list[str]] = []
    used = 0
    for field in message.layout:
        for first, size in _pieces(field):
            if first % _ROW == 0:
                rows.append([f"<th>{first}</th>"])
                used = 0
            rows[-1].append(_cell(field, first, size))
            used += size
    if rows and used < _ROW:
        rows[-1].append(f'<td class="none" colspan="{_ROW - used}"></td>')
    head = "".join(f"<th>{byte}</th>" for byte in ("", *range(_ROW)))
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table class="bytes"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _pieces(field: Field) -> Iterator[tuple[int, int]]:
    """Where the field begins in each row, and how many bytes of it stand there."""
    at, end = field.offset, field.offset + field.size
    while at < end:
        size = min(end, at - at % _ROW + _ROW) - at
        yield at, size
        at += size


def _cell(field: Field, first: int, size: int) -> str:
    if field.is_padding:
        return f'<td class="padding" colspan="{size}"></td>'
    if first > field.offset:
        return f'<td class="more" colspan="{size}"></td>'
    return f'<td colspan="{size}" title="{escape(field.doc)}">{escape(field.name)} <small>{escape(field.kind)}</small></td>'
