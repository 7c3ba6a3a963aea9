"""Kinds made of other kinds: arrays, nested messages, and values that may be missing."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .kinds import ByteOrder, BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, listed

if TYPE_CHECKING:
    from .message import TLV

__all__ = ["ArrayKind", "NestedKind", "OptionalKind", "default_null", "leaf"]


class ArrayKind(Kind):
    """A fixed number of elements of one kind."""

    def __init__(self, element: Kind, count: int, constraints: tuple[Any, ...] = ()) -> None:
        self.element = element
        self.count = count
        self.constraints = constraints
        self.name = f"{element.name}[{count}]"
        self.size = element.size * count
        self.format = f"{self.size}s"
        self.elements = struct.Struct("")

    def bind(self, byteorder: ByteOrder) -> ArrayKind:
        """Fix the byte order of the elements."""
        self.elements = struct.Struct(("<" if byteorder == "little" else ">") + self.element.format * self.count)
        return self

    def encode(self, value: Any) -> bytes:
        if isinstance(value, str | bytes):
            msg = "not a sequence of elements"
            raise TypeError(msg)
        values = tuple(value)
        if len(values) != self.count:
            msg = f"{len(values)} elements, not {self.count}"
            raise ValueError(msg)
        return self.elements.pack(*map(self.element.encode, values))

    def decode(self, stored: bytes) -> tuple[Any, ...]:
        values = self.elements.unpack(stored)
        return values if self.element.direct else tuple(map(self.element.decode, values))

    def raw(self, stored: bytes) -> tuple[Any, ...]:
        return tuple(map(self.element.raw, self.elements.unpack(stored)))

    def to_json(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.element.to_json(one) for one in value]

    def from_json(self, value: Any) -> tuple[Any, ...]:
        return tuple(self.element.from_json(one) for one in listed(value))


class NestedKind(Kind):
    """A fixed-size message inside another."""

    def __init__(self, message: type[TLV]) -> None:
        self.message = message
        self.size = message.layout.size
        self.name = message.__name__
        self.format = f"{self.size}s"

    def encode(self, value: Any) -> bytes:
        if type(value) is not self.message:
            msg = f"not a {self.message.__name__}"
            raise TypeError(msg)
        return bytes(value.as_bytes())

    def decode(self, stored: bytes) -> TLV:
        return self.message.ref_from(stored)

    def to_json(self, value: TLV) -> Any:
        return value._to_json_dict()

    def from_json(self, value: Any) -> TLV:
        return self.message._from_json_dict(value)


class OptionalKind(Kind):
    """A value, or the one stored value that means ``None``.

    ``shown`` is how the null is written where it is not the usual one: a part of the layout, since
    peers that differ in it would read each other's nulls as values.
    """

    def __init__(self, inner: Kind, null: Any, shown: str = "") -> None:
        self.inner = inner
        self.null = null
        self.name = f"{inner.name}?{shown}"
        self.size = inner.size
        self.format = inner.format
        self.is_null: Callable[[Any], bool] = (lambda v: v != v) if null != null else (lambda v: v == null)  # noqa: PLR0124

    def encode(self, value: Any) -> Any:
        if value is None:
            return self.null
        stored = self.inner.encode(value)
        if self.is_null(stored):
            msg = "this value is the declared null"
            raise ValueError(msg)
        return stored

    def decode(self, stored: Any) -> Any:
        return None if self.is_null(stored) else self.inner.decode(stored)

    def raw(self, stored: Any) -> Any:
        return self.inner.raw(stored)

    def to_json(self, value: Any) -> Any:
        return None if value is None else self.inner.to_json(value)

    def from_json(self, value: Any) -> Any:
        return None if value is None else self.inner.from_json(value)


def leaf(kind: Kind | None) -> Kind | None:
    """What an array is made of in the end; anything else is its own leaf."""
    while isinstance(kind, ArrayKind):
        kind = kind.element
    return kind


def default_null(kind: Kind) -> Any:
    """The stored value that means ``None`` unless the declaration says another."""
    if isinstance(kind, IntKind):
        number = kind.low if kind.signed else kind.high
        return kind.encode(number)
    if isinstance(kind, EnumKind | ScaledKind):
        return default_null(kind.stored)
    if isinstance(kind, FloatKind):
        return float("nan")
    if isinstance(kind, BytesKind):
        return bytes(kind.size)
    return None
