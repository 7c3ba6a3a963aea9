"""The computed layout of a message: a flat list of fields with offsets, and its digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .digests import blake2b
from .kinds import ByteOrder, Kind

__all__ = ["Field", "Layout"]

#: The default of a field that has none.
REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it lies, what it is, what it means.

    ``size`` counts bytes in the fixed block; a variable field takes 8 there (offset and count).
    """

    name: str
    offset: int
    size: int
    kind: str
    unit: str = ""
    doc: str = ""
    source: str = ""
    constraints: tuple[Any, ...] = ()
    default: Any = REQUIRED
    codec: Kind | None = field(default=None, repr=False, compare=False)

    @property
    def is_padding(self) -> bool:
        """Whether these are zero bytes without a value."""
        return self.codec is None

    @property
    def is_variable(self) -> bool:
        """Whether the data stands after the fixed block."""
        return self.codec is not None and self.codec.format == "II"

    @property
    def is_required(self) -> bool:
        """Whether the constructor needs a value."""
        return self.codec is not None and self.default is REQUIRED


@dataclass(frozen=True)
class Layout:
    """All that is known of a message's bytes.

    Example: ``TradeTLV.layout.size == 32`` and ``TradeTLV.layout["venue_id"].offset == 24``.
    """

    name: str
    type_id: int | None
    version: int
    byteorder: ByteOrder
    size: int
    fields: tuple[Field, ...]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    @cached_property
    def values(self) -> tuple[Field, ...]:
        """The fields that carry a value: all but the padding."""
        return tuple(one for one in self.fields if not one.is_padding)

    @cached_property
    def variable(self) -> tuple[Field, ...]:
        """The fields whose data stands after the fixed block."""
        return tuple(one for one in self.fields if one.is_variable)

    @cached_property
    def format(self) -> str:
        """The fixed block for ``struct``."""
        order = "<" if self.byteorder == "little" else ">"
        return order + "".join(f"{one.size}x" if one.codec is None else one.codec.format for one in self.fields)

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that change with the layout: with type, version, byte order, and
        with the name, place or kind of any field, also of nested messages and group items.
        """
        return blake2b(self.canonical().encode(), digest_size=8).hexdigest()

    def canonical(self) -> str:
        """The text that `digest` is computed over."""
        head = f"{self.type_id} v{self.version} {self.byteorder} {self.size}"
        return "\n".join([head, *(f"{one.offset} {one.name} {_canonical_kind(one)}" for one in self.fields)])


def _canonical_kind(one: Field) -> str:
    inner: Any = one.codec
    while inner is not None:
        message = getattr(inner, "message", None)
        if message is not None:
            return f"{one.kind}{{{message.layout.canonical()}}}"
        inner = getattr(inner, "element", None) or getattr(inner, "inner", None)
    return one.kind
