"""The messages for Kaitai Struct, from which its compiler makes readers in a dozen languages.

Integers that Kaitai does not know (24 bits, 128 and more) are bytes. A message is parsed from a stream that begins with
it: data of a variable size is found from the beginning of that stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mycelium.errors.contract import ExportNameError

from .tokens import Record, Token, enums_of, snake

__all__ = ["kaitai_spec", "kaitai_text"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INTEGERS = {1, 2, 4, 8}


def kaitai_text(records: Iterable[Record], name: str) -> str:
    """The specification as YAML."""
    head = "# Written by `mycelium contract export --to kaitai`."
    return "\n".join([head, *_yaml(kaitai_spec(records, name), "")]) + "\n"


def kaitai_spec(records: Iterable[Record], name: str) -> dict[str, Any]:
    """The specification as data. Raises `ExportNameError` for a field that Kaitai could not name."""
    records = tuple(records)
    snakes = {one.name: one.snake for one in records}
    enums = {
        _id(snake(one.__name__)): {member.value: _id(name.lower()) for name, member in one.__members__.items()}
        for one in enums_of(records)
    }
    meta = {"id": _id(snake(name)), "endian": "le", "encoding": "UTF-8"}
    types: dict[str, Any] = {_id(one.snake): _type(one, snakes) for one in records}
    return {"meta": meta, "types": types} | ({"enums": enums} if enums else {})


def _id(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ExportNameError(name=name, language="kaitai")
    return name


def _type(record: Record, snakes: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"meta": {"endian": "be"}} if record.big else {}
    if record.doc:
        told["doc"] = record.doc
    told["seq"] = [one for token in record.tokens for one in _attributes(token)]
    instances = {name: one for token in record.values for name, one in _instances(token, snakes)}
    types = {f"{_id(one.name)}_group": _group(snakes[one.item]) for one in record.values if one.what == "group"}
    return told | ({"instances": instances} if instances else {}) | ({"types": types} if types else {})


def _attributes(token: Token) -> Iterator[dict[str, Any]]:
    if token.what == "padding":
        yield {"id": f"reserved_{token.offset}", "size": token.size}
        return
    name, note = _id(token.name), {"doc": token.note} if token.note else {}
    if token.is_variable:
        yield {"id": f"{name}_offset", "type": "u4"}
        yield {"id": f"{name}_count", "type": "u4"}
    else:
        repeated = {} if token.count is None else {"repeat": "expr", "repeat-expr": token.count}
        yield {"id": name, **_kind(token), **repeated, **note}


def _kind(token: Token) -> dict[str, Any]:
    if token.what in {"int", "bool"} and token.width in _INTEGERS:
        enum = {"enum": snake(token.enum.__name__)} if token.enum is not None else {}
        return {"type": f"{'s' if token.signed else 'u'}{token.width}", **enum}
    if token.what == "float":
        return {"type": f"f{token.width}"}
    if token.what == "layout":
        return {"type": snake(token.item)}
    if token.what == "text":
        return {"type": "str", "size": token.width, "pad-right": 0}
    return {"size": token.width}


def _instances(token: Token, snakes: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if token.what == "group":
        yield token.name, _data(token, {"type": f"{token.name}_group({token.name}_count)"})
    elif token.is_variable:
        kind = {"type": "str"} if token.what == "string" else {}
        yield token.name, _data(token, {"size": f"{token.name}_count", **kind})


def _data(token: Token, kind: dict[str, Any]) -> dict[str, Any]:
    note = {"doc": token.note} if token.note else {}
    return {"pos": f"{token.name}_offset", **kind, "if": f"{token.name}_count != 0", **note}


def _group(item: str) -> dict[str, Any]:
    """Items of a newer sender may be longer: each is read inside of its own size."""
    return {
        "params": [{"id": "item_count", "type": "u4"}],
        "seq": [
            {"id": "item_size", "type": "u4"},
            {"id": "reserved", "type": "u4"},
            {"id": "items", "type": item, "size": "item_size", "repeat": "expr", "repeat-expr": "item_count"},
        ],
    }


def _yaml(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            if isinstance(one, Mapping | list):
                yield f"{indent}{key}:"
                yield from _yaml(one, f"{indent}  ")
            else:
                yield f"{indent}{key}: {_scalar(one)}"
        return
    for one in value:
        first, *rest = _yaml(one, f"{indent}  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest


def _scalar(value: Any) -> str:
    plain = isinstance(value, int) or re.fullmatch(r"[a-z][a-z0-9_]*", value)
    reserved = value in {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    return str(value) if plain and not reserved else json.dumps(value, ensure_ascii=False)
