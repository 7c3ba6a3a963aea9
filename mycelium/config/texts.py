"""Writes types and values as a reader of a table or of a .env file expects them."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from .fields import accepts_none, alternatives, holds_secret
from .problems import MASK
from .variables import NULL

__all__ = ["dotenv_line", "type_text", "value_text"]

_LIMITS = (
    (Gt, "gt", "> {}"),
    (Ge, "ge", ">= {}"),
    (Lt, "lt", "< {}"),
    (Le, "le", "<= {}"),
    (MultipleOf, "multiple_of", "multiple of {}"),
    (MinLen, "min_length", "length >= {}"),
    (MaxLen, "max_length", "length <= {}"),
)
_SPECIAL = " \\#'\"$`"


def type_text(field: FieldInfo) -> str:
    """The type of a field with its limits: ``float > 0``, ``buy | sell``, ``list[str] | null, length <= 9``."""
    kinds = [_kind_text(kind) for kind in alternatives(field.annotation) if kind is not None and kind is not type(None)]
    if accepts_none(field.annotation):
        kinds.append(NULL)
    text = " | ".join(dict.fromkeys(kinds))
    limits = [
        wording.format(getattr(limit, name))
        for limit in field.metadata
        for kind, name, wording in _LIMITS
        if isinstance(limit, kind)
    ]
    if not limits:
        return text
    return f"{text}{' ' if limits[0][0] in '<>' else ', '}{', '.join(limits)}"


def value_text(value: Any, annotation: Any) -> str:
    """A value as a variable says it: JSON for what is nested, the mask for what holds a secret."""
    if holds_secret(annotation) and value not in (None, (), [], {}):
        return MASK
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    plain = to_jsonable_python(value, fallback=str)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def dotenv_line(variable: str, text: str) -> str:
    """``NAME=text``, quoted where a .env file needs it."""
    if not any(sign in text for sign in _SPECIAL) and text.isprintable():
        return f"{variable}={text}"
    escaped = text.replace("\\", "\\\\")
    if "'" not in text and text.isprintable():
        return f"{variable}='{escaped}'"
    for sign, written in (('"', '"'), ("\n", "n"), ("\r", "r"), ("\t", "t")):
        escaped = escaped.replace(sign, f"\\{written}")
    return f'{variable}="{escaped}"'


def _kind_text(kind: Any) -> str:
    arguments = get_args(kind)
    if hasattr(kind, "get_secret_value"):
        return "bytes" if "Bytes" in _name(kind) else "str"
    if get_origin(kind) is Literal:
        return " | ".join(str(value) for value in arguments)
    if arguments:
        inner = ("..." if one is ... else " | ".join(map(_kind_text, alternatives(one))) for one in arguments)
        return f"{_name(get_origin(kind))}[{', '.join(inner)}]"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " | ".join(value_text(member.value, Any) for member in kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "JSON object"
    return _name(kind)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
