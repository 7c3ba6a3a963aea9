"""What came out of a call, in a form that is equal where two implementations did the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any

__all__ = ["Outcome", "UnexpectedError", "fields_of", "plain", "told"]

#: What tells two objects of one kind apart in a text.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class Outcome(tuple[Any, ...]):
    """Values of plain types, and tuples of them."""

    __slots__ = ()


class UnexpectedError(AssertionError):
    """An error that nothing announces."""


def told(call: Callable[..., Any], *arguments: Any, allowed: tuple[type[Exception], ...] = ()) -> Outcome:
    """What a call returns, or which error it raises: a declared one, or one of those that are `allowed`."""
    try:
        return plain(call(*arguments))
    except Exception as problem:
        if is_declared(problem) or type(problem) in allowed:
            return Outcome(("error", type(problem).__name__, ADDRESS.sub("", str(problem))))
        text = f"{type(problem).__name__}: {problem}"
        raise UnexpectedError(text) from problem


def is_declared(problem: Exception) -> bool:
    """Whether it is a TLVError, of whichever implementation."""
    return any(cls.__name__ == "TLVError" for cls in type(problem).__mro__)


def is_message(value: Any) -> bool:
    return hasattr(type(value), "layout")


def fields_of(message: Any) -> Outcome:
    """Every field of a message, each by itself."""
    return Outcome((name, told(getattr, message, name)) for name in type(message).__match_args__)


def plain(value: Any) -> Outcome:
    """A value without anything that belongs to one of the implementations."""
    if isinstance(value, Outcome):
        return value
    kind = type(value)
    if kind in (int, bool, bytes, NoneType):
        return Outcome((kind.__name__, value))
    if is_message(value):
        return Outcome((kind.__name__, bytes(value), fields_of(value)))
    if isinstance(value, memoryview):
        return Outcome(("memoryview", value.format, value.shape, value.readonly, bytes(value)))
    if isinstance(value, Enum):
        return Outcome((kind.__name__, value.value))
    if isinstance(value, str):
        return Outcome((kind.__name__, ADDRESS.sub("", value)))
    if isinstance(value, float | Decimal | int | bytes | bytearray):
        return Outcome((kind.__name__, repr(value)))
    if isinstance(value, dict):
        return Outcome((plain(key), plain(one)) for key, one in value.items())
    if isinstance(value, Sequence):
        return Outcome((kind.__name__, *map(plain, value)))
    if hasattr(value, "tolist"):  # an array of NumPy; between its fields a copy of its bytes holds anything
        return Outcome(("array", str(value.dtype), value.shape, repr(value.tolist())))
    return Outcome(("other", kind.__name__))
