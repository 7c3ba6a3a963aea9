"""Writes TOML as a contract needs it: one fact a line, so that a difference names the fact that changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["toml_text"]

#: A longer list has a line for each of its values.
_LINE_MAX = 3
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(tables: Mapping[str, Any]) -> str:
    """The tables as TOML. A mapping that holds only plain values, and is `Inline`, stays on its line."""
    return "\n".join(_lines(tables, "")).strip("\n") + "\n"


class Inline(dict[str, Any]):
    """A table that is one fact: ``{ offset = 0, size = 8, type = "i64" }``."""


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in table.items():
        if not _is_table(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if _is_table(value):
            inner = f"{path}.{_key(key)}" if path else _key(key)
            if any(not _is_table(one) for one in value.values()):
                yield ""
                yield f"[{inner}]"
            yield from _lines(value, inner)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and not isinstance(value, Inline)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return f"{{ {', '.join(f'{_key(key)} = {_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        if len(value) > _LINE_MAX:
            return "[\n" + "".join(f"  {_value(one)},\n" for one in value) + "]"
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
