"""Which messages an actor brings to itself: by a timer, or by piping a future."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from tlv import TLV

__all__ = ["brings_itself"]


def brings_itself(kind: type[Any], message: type[TLV]) -> bool:
    """Whether the code of an actor's class names both the message and what brings messages to oneself.

    No declaration tells it, and routes are not needed for it. So this is good enough to keep a warning back, and no more.
    """
    names = {name for owner in kind.__mro__ if _is_of_a_user(owner) for name in _names_in_class(owner)}
    return message.__name__ in names and not names.isdisjoint({"timers", "pipe_to"})


def _is_of_a_user(owner: type[Any]) -> bool:
    return owner.__module__.partition(".")[0] not in {"mycelium", "pykka", "builtins"}


def _names_in_class(owner: type[Any]) -> Iterator[str]:
    for value in vars(owner).values():
        function = getattr(value, "__wrapped__", value)
        if isinstance(function, FunctionType):
            yield from _names_in(function.__code__)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
