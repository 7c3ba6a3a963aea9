"""The layout of a message as rows, as text, and as a page of tables."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from .constraints import rule_text
from .kinds import EnumKind
from .layout import Field
from .message import TLV

__all__ = ["describe", "describe_dict", "describe_markdown"]

_HEAD = ("offset", "size", "field", "type", "unit", "description")


def describe_dict(message: type[TLV]) -> dict[str, Any]:
    """The layout as plain data: name, type_id, version, byteorder, size, digest, doc and fields."""
    layout = message.layout
    return {
        "name": layout.name,
        "type_id": layout.type_id,
        "version": layout.version,
        "byteorder": layout.byteorder,
        "size": layout.size,
        "digest": layout.digest,
        "doc": inspect.cleandoc(message.__doc__ or "").partition("\n\n")[0],
        "fields": [
            {
                "name": field.name,
                "offset": field.offset,
                "size": field.size,
                "type": field.kind,
                "unit": field.unit,
                "description": field.doc,
                "source": field.source,
                "constraints": [rule_text(one) for one in field.constraints],
            }
            for field in layout
        ],
    }


def describe(message: type[TLV]) -> str:
    """A table of the layout: offset and size in bytes, type, unit, description.

    Example: ``print(describe(TradeTLV))``.
    """
    told = describe_dict(message)
    wire = f"type {told['type_id']}" if told["type_id"] is not None else "plain layout"
    title = f"{told['name']}: {wire}, version {told['version']}, {told['size']} bytes, {told['byteorder']}-endian"
    rows = [_HEAD, *(_row(field) for field in told["fields"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"{title}, digest {told['digest']}", told["doc"], "", *lines]).replace("\n\n\n", "\n\n")


def describe_markdown(messages: Iterable[type[TLV]], *, title: str = "Messages", text: str = "") -> str:
    """A Markdown page: an overview, then a table for each message and for each layout inside one.

    Args:
        messages: In the order of the page; group items and nested messages are added where they first occur.
        title: Heading of the page.
        text: What stands between the heading and the overview.

    Example: ``describe_markdown(MARKET_DATA_MESSAGES, title="Market data")``.
    """
    all_messages = list(dict.fromkeys(one for message in messages for one in _with_inner(message)))
    overview = ["| type | message | bytes | |", "|---|---|---|---|"]
    for message in all_messages:
        layout = message.layout
        size = f"{layout.size} + data" if layout.variable else str(layout.size)
        told = (layout.type_id or "-", f"[{layout.name}](#{layout.name.lower()})", size, _first_line(message))
        overview.append(_cells(*told))
    note = "Written from the declarations; change those, not this page."
    parts = [f"# {title}", text.strip(), note, "\n".join(overview), *(_section(message) for message in all_messages)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_inner(message: type[TLV]) -> Iterator[type[TLV]]:
    yield message
    for field in message.layout:
        for codec in _codecs(field):
            inner = getattr(codec, "message", None)
            if inner is not None:
                yield from _with_inner(inner)


def _codecs(field: Field) -> Iterator[Any]:
    """The kind of a field and, of an array or optional value, the kind inside."""
    codec: Any = field.codec
    while codec is not None:
        yield codec
        codec = getattr(codec, "element", None) or getattr(codec, "inner", None)


def _section(message: type[TLV]) -> str:
    told = describe_dict(message)
    wire = f"type {told['type_id']}, version {told['version']}" if told["type_id"] is not None else "Plain layout"
    size = f"{told['size']} bytes{' and variable data' if message.layout.variable else ''}"
    facts = f"{wire[0].upper()}{wire[1:]}, {size}, {told['byteorder']}-endian, digest `{told['digest']}`."
    rows = [
        "| offset | size | field | type | unit | description | rules | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for field in told["fields"]:
        rules = ", ".join(field["constraints"])
        named = (field["offset"], field["size"], f"`{field['name']}`", f"`{field['type']}`", field["unit"])
        rows.append(_cells(*named, field["description"], rules, field["source"]))
    enums = {codec.members for field in message.layout for codec in _codecs(field) if isinstance(codec, EnumKind)}
    values = [
        f"`{one.__name__}`: {', '.join(f'{member.value} {member.name}' for member in one)}."
        for one in sorted(enums, key=lambda one: one.__name__)
    ]
    return "\n\n".join([f"## {told['name']}", told["doc"], facts, "\n".join(rows), *values]).replace("\n\n\n\n", "\n\n")


def _first_line(message: type[TLV]) -> str:
    return " ".join(describe_dict(message)["doc"].split())


def _cells(*values: object) -> str:
    return f"| {' | '.join(str(one).replace('|', chr(92) + '|') for one in values)} |"


def _row(field: dict[str, Any]) -> tuple[str, ...]:
    notes = [field["description"]]
    if field["constraints"]:
        notes.append(f"({', '.join(field['constraints'])})")
    if field["source"]:
        notes.append(f"[{field['source']}]")
    return (
        str(field["offset"]),
        str(field["size"]),
        field["name"],
        field["type"],
        field["unit"],
        " ".join(one for one in notes if one),
    )
