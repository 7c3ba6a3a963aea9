"""The JSON form of the messages, as `TLV.to_json` writes it, as a JSON Schema (draft 2020-12)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import annotated_types as at

from tlv.composites import ArrayKind, NestedKind, OptionalKind
from tlv.kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, ScaledKind, TextKind
from tlv.variable import GROUP_COUNT_MAX, GroupKind, VariableBytesKind

from .tokens import Record

__all__ = ["json_schema", "json_schema_text"]

#: The bounds of numbers: whether the rule is kept is not seen in what is written as text.
_BOUNDS = {
    at.Gt: ("exclusiveMinimum", "gt"),
    at.Ge: ("minimum", "ge"),
    at.Lt: ("exclusiveMaximum", "lt"),
    at.Le: ("maximum", "le"),
    at.MultipleOf: ("multipleOf", "multiple_of"),
}


def json_schema_text(records: Iterable[Record], name: str) -> str:
    """The schema as a file."""
    return json.dumps(json_schema(records, name), indent=2) + "\n"


def json_schema(records: Iterable[Record], name: str) -> dict[str, Any]:
    """Every message under ``$defs``; a document is one of those that have a wire type."""
    records = tuple(records)
    names: dict[Any, str] = {one.message: one.name for one in records}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "$comment": "Written by `mycelium contract export --to json-schema`.",
        "anyOf": [{"$ref": f"#/$defs/{one.name}"} for one in records if one.type_id is not None],
        "$defs": {one.name: _message(one, names) for one in records},
    }


def _message(record: Record, names: dict[Any, str]) -> dict[str, Any]:
    fields = record.message.layout.values
    told: dict[str, Any] = {"type": "object", "description": record.doc} if record.doc else {"type": "object"}
    notes = {token.name: token.note for token in record.values}
    properties = {one.name: _noted(_kind(one.codec, one.constraints, names), notes[one.name]) for one in fields}
    required = [one.name for one in fields if one.is_required]
    return told | {"properties": properties, "required": required, "additionalProperties": False}


def _noted(schema: dict[str, Any], note: str) -> dict[str, Any]:
    return {"description": note, **schema} if note else schema


def _kind(kind: Any, rules: Sequence[Any], names: dict[Any, str]) -> dict[str, Any]:
    match kind:
        case OptionalKind():
            return {"anyOf": [{"type": "null"}, _kind(kind.inner, rules, names)]}
        case ArrayKind():
            items = _kind(kind.element, kind.constraints, names)
            return {"type": "array", "items": items, "minItems": kind.count, "maxItems": kind.count}
        case NestedKind():
            return {"$ref": f"#/$defs/{names[kind.message]}"}
        case GroupKind():
            items = {"$ref": f"#/$defs/{names[kind.message]}"}
            return {"type": "array", "items": items, "maxItems": GROUP_COUNT_MAX} | _lengths(rules, "Items")
        case EnumKind():
            members = ", ".join(f"{member.value} {name}" for name, member in kind.members.__members__.items())
            return _integer(kind.stored, rules) | {"$comment": members}
        case ScaledKind():
            places = rf"(\.[0-9]{{{kind.digits}}})" if kind.digits else ""
            return {"type": "string", "pattern": f"^-?[0-9]+{places}$"}
        case IntKind():
            return _integer(kind, rules)
        case BoolKind():
            return {"type": "boolean"}
        case FloatKind():
            return {"anyOf": [{"type": "number"} | _bounds(rules), {"enum": ["nan", "inf", "-inf"]}]}
        case BytesKind():
            return {"type": "string", "pattern": f"^0x[0-9a-f]{{{2 * kind.size}}}$"}
        case VariableBytesKind():
            return {"type": "string", "pattern": "^0x([0-9a-f]{2})*$"}
        case TextKind():
            return {"type": "string", "maxLength": kind.size} | _lengths(rules, "Length")
    return {"type": "string"} | _lengths(rules, "Length")


def _integer(kind: IntKind, rules: Sequence[Any]) -> dict[str, Any]:
    if kind.size > 8:  # more than others read without loss
        return {"type": "string", "pattern": "^-?[0-9]+$" if kind.signed else "^[0-9]+$"}
    return {"type": "integer", "minimum": kind.low, "maximum": kind.high} | _bounds(rules)


def _bounds(rules: Sequence[Any]) -> dict[str, Any]:
    found = {}
    for rule in rules:
        if type(rule) in _BOUNDS:
            key, attribute = _BOUNDS[type(rule)]
            bound = getattr(rule, attribute)
            found[key] = float(bound) if isinstance(bound, Decimal) else bound
    return found


def _lengths(rules: Sequence[Any], what: str) -> dict[str, int]:
    least = {f"min{what}": one.min_length for one in rules if isinstance(one, at.MinLen)}
    return least | {f"max{what}": one.max_length for one in rules if isinstance(one, at.MaxLen)}
