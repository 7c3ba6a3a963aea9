"""JSON from outside: one kind of error for all that can be wrong with it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["parse_json", "parse_json_prefix"]


def _refuse_constant(name: str) -> NoReturn:
    msg = f"JSON, which has no {name}"
    raise ValueError(msg)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises ``ValueError`` with the rule, also for NaN and for endless nesting."""
    try:
        return _decoder.decode(text)
    except RecursionError:
        msg = "JSON that is not nested a thousand deep"
        raise ValueError(msg) from None


def parse_json_prefix(text: str) -> tuple[Any, str]:
    """The value at the start of ``text``, and what follows it."""
    try:
        value, end = _decoder.raw_decode(text)
    except RecursionError:
        msg = "JSON that is not nested a thousand deep"
        raise ValueError(msg) from None
    return value, text[end:]
