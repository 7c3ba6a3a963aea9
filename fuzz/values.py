"""Values that a field should not be given: of other types, out of range, or with code of their own in them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .choices import Choices
from .schema import Colour, Marks, Rights, Side

__all__ = ["RAISED", "odd"]

#: What the conversions here may raise: those that are no misfit come through the constructor.
RAISED = (KeyError, RuntimeError, BufferError)
RAISES = (ValueError, TypeError, OverflowError, *RAISED)


class Whole(int):
    """A subclass of int."""


class Real(float):
    """A subclass of float."""


class Words(str):
    """A subclass of str."""

    __slots__ = ()


class Octets(bytes):
    """A subclass of bytes."""


class Index:
    """No int, but as good as one; may do something before it says its number."""

    def __init__(self, number: int, before: Callable[[], object] = int) -> None:
        self.number = number
        self.before = before

    def __index__(self) -> int:
        self.before()
        return self.number

    def __float__(self) -> float:
        self.before()
        return 0.5

    def __repr__(self) -> str:
        return f"Index({self.number})"


class Raising:
    """Raises whatever is asked of it."""

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def _raise(self, *_: object) -> Any:
        raise self.kind("raised by a value")

    __index__ = __float__ = __iter__ = __len__ = __getitem__ = __bytes__ = __str__ = _raise

    def __repr__(self) -> str:
        return f"Raising({self.kind.__name__})"


class Clearing(list[Any]):
    """A list whose elements empty it."""

    def __init__(self, size: int) -> None:
        super().__init__([Index(1)] * size)
        if size:
            self[size // 2] = Index(2, self.clear)


def generated(choices: Choices) -> Any:
    """Gives its items once."""
    items = [choices.integer() for _ in range(choices.number(4))]
    return (item for item in items)


ODD: tuple[Callable[[Choices], Any], ...] = (
    lambda choices: None,
    lambda choices: choices.integer(),
    lambda choices: choices.flag(),
    lambda choices: Whole(choices.integer()),
    lambda choices: Index(choices.integer()),
    lambda choices: Index(choices.integer(), gc.collect),
    lambda choices: Raising(choices.one(RAISES)),
    lambda choices: Clearing(choices.number(5)),
    lambda choices: choices.one((0.0, -0.0, 0.5, 1e39, -1e308, float("inf"), float("nan"))),
    lambda choices: Real(choices.number(9) / 2),
    lambda choices: choices.one([Side.BUY, Colour.GREEN, Rights.READ | Rights.RUN, Marks.NEW, Rights(64), Side]),
    lambda choices: Decimal(choices.integer()).scaleb(choices.number(120) - 90),
    lambda choices: Decimal(choices.one(("NaN", "sNaN", "Infinity", "-0", "1e400", "1e-400", "0e999", "-1.50"))),
    lambda choices: Fraction(choices.number(9), 2),
    lambda choices: complex(0, 1),
    lambda choices: choices.take(choices.number(48)),
    lambda choices: bytearray(choices.take(choices.number(48))),
    lambda choices: memoryview(choices.take(choices.number(48)))[:: choices.one((1, 2, -1))],
    lambda choices: memoryview(choices.take(8)).cast("c"),
    lambda choices: Octets(choices.take(choices.number(9))),
    lambda choices: choices.take(choices.number(24)).decode("utf-8", "surrogateescape"),
    lambda choices: choices.take(choices.number(24)).decode("latin-1"),
    lambda choices: Words(choices.take(choices.number(9)).decode("utf-8", "replace")),
    lambda choices: [odd(choices) for _ in range(choices.number(5))],
    lambda choices: tuple(choices.integer() for _ in range(choices.number(5))),
    lambda choices: {choices.integer(): 1 for _ in range(choices.number(3))},
    generated,
    lambda choices: ...,
    lambda choices: int,
)


def odd(choices: Choices) -> Any:
    """One of them."""
    return choices.one(ODD)(choices)
