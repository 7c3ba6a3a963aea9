"""The targets by name, and what the two implementations tell of an input."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from . import twins
from .choices import Choices
from .declarations import Declarations
from .frames import Frames
from .groups import Groups
from .lifetimes import Lifetimes
from .messages import Messages
from .outcomes import Outcome

__all__ = ["NAMES", "DifferError", "tells"]

Target = Callable[[Choices], Outcome]
TARGETS: dict[str, Callable[[Any], Target]] = {
    "frames": Frames,
    "messages": Messages,
    "groups": Groups,
    "declarations": Declarations,
    "lifetimes": Lifetimes,
}
NAMES = tuple(TARGETS)
_made: dict[tuple[str, str], Target] = {}


class DifferError(AssertionError):
    """The implementations do not agree about an input."""


def tells(t: Any, data: bytes) -> Outcome:
    """What an implementation makes of an input; its first byte chooses the target."""
    _forget_annotations()
    choices = Choices(data)
    name = choices.one(NAMES)
    key = t.implementation.running, name
    if key not in _made:
        _made[key] = TARGETS[name](t)
    return _made[key](choices)


def _forget_annotations() -> None:
    """Empty the caches of `typing`, as its own tests do.

    It hands out an equal annotation that was made before: `Gt(0)` for `Gt(0.0)`, which only their texts tell apart. What
    an implementation tells would then hang on the inputs before this one.
    """
    for forget in getattr(typing, "_cleanups", ()):
        forget()


def agree(data: bytes) -> None:
    """Raises `DifferError` where the compiled core and its twin tell different things of an input."""
    native = tells(twins.native(), data)
    python = tells(twins.python(), data)
    if native != python:
        where = first_difference(native, python)
        raise DifferError(f"{NAMES[data[0] % len(NAMES)] if data else NAMES[0]}: {where}")


def first_difference(native: Any, python: Any, path: str = "") -> str:
    """Where two outcomes part, as a text."""
    if isinstance(native, tuple) and isinstance(python, tuple) and len(native) == len(python):
        for i, (one, other) in enumerate(zip(native, python, strict=True)):
            if one != other:
                return first_difference(one, other, f"{path}/{i}")
    return f"at {path}: native {native!r}, python {python!r}"
