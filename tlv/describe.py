"""The layout of a message as rows and as text."""

from __future__ import annotations

from typing import Any

from .constraints import rule_text
from .message import TLV

__all__ = ["describe", "describe_dict"]

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
        "doc": (message.__doc__ or "").partition("\n\n")[0].strip(),
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
