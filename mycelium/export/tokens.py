"""What an exporter needs to know of a message: a flat list of tokens, one for each field.

A declaration is taken apart once; each language is one emitter over the same tokens.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from mycelium.lockfile.message_facts import Names, inner_kinds, with_inner
from tlv import TLV, Field
from tlv.composites import ArrayKind, NestedKind, OptionalKind
from tlv.describe import describe_dict
from tlv.kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, ScaledKind, TextKind
from tlv.variable import GroupKind, VariableBytesKind, VariableTextKind

__all__ = ["Record", "Token", "enums_of", "records_of", "snake"]

What = Literal["int", "float", "bool", "bytes", "text", "layout", "group", "data", "string", "padding"]

_WHAT: tuple[tuple[type[Any], What], ...] = (
    (IntKind, "int"),
    (FloatKind, "float"),
    (BoolKind, "bool"),
    (BytesKind, "bytes"),
    (TextKind, "text"),
    (NestedKind, "layout"),
    (GroupKind, "group"),
    (VariableBytesKind, "data"),
    (VariableTextKind, "string"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """One field. ``width`` counts the bytes of one value, of which an array has ``count``."""

    name: str
    offset: int
    size: int
    what: What
    width: int
    signed: bool = False
    #: The values of an array, of nested arrays altogether; none where it is no array.
    count: int | None = None
    #: The bytes that mean that there is no value; empty where NaN does; none where there always is one.
    null: bytes | None = None
    enum: type[Enum] | None = None
    #: Decimal places of a decimal, whose stored number is what other languages get.
    digits: int | None = None
    #: The layout of a nested message or of the items of a group.
    item: str = ""
    note: str = ""
    big: bool = False

    @property
    def is_variable(self) -> bool:
        """Whether the fixed block has an offset and a count, and the data stands elsewhere."""
        return self.what in {"group", "data", "string"}


@dataclass(frozen=True, slots=True)
class Record:
    """One message or layout, and its name in languages that write names in small letters."""

    name: str
    snake: str
    message: type[TLV]
    type_id: int | None
    version: int
    size: int
    big: bool
    doc: str
    tokens: tuple[Token, ...]

    @property
    def values(self) -> tuple[Token, ...]:
        """All but the padding."""
        return tuple(one for one in self.tokens if one.what != "padding")


def snake(name: str) -> str:
    """``OrderBookTLV`` as ``order_book_tlv``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", re.sub(r"\W", "_", name)).lower()


def records_of(messages: Iterable[type[TLV]]) -> tuple[Record, ...]:
    """Each message and each layout inside of one, those inside first."""
    everything = sorted(with_inner(messages), key=lambda one: (_depth(one), one.type_id or 0, one.__name__))
    names = Names(everything)
    return tuple(_record(one, names) for one in everything)


def enums_of(records: Iterable[Record]) -> tuple[type[Enum], ...]:
    """The enums of all fields, each once, by name."""
    found = {token.enum for record in records for token in record.tokens if token.enum is not None}
    return tuple(sorted(found, key=lambda one: one.__name__))


def _depth(message: type[TLV]) -> int:
    inner = [kind.message for field in message.layout for kind in inner_kinds(field) if hasattr(kind, "message")]
    return max((_depth(one) + 1 for one in inner), default=0)


def _record(message: type[TLV], names: Names) -> Record:
    layout = message.layout
    name = re.sub(r"\W", "_", names[message])
    return Record(
        name=name,
        snake=snake(name),
        message=message,
        type_id=layout.type_id,
        version=layout.version,
        size=layout.size,
        big=layout.byteorder == "big",
        doc=" ".join(describe_dict(message)["doc"].split()),
        tokens=tuple(_token(field, layout.byteorder == "big", names) for field in layout),
    )


def _token(field: Field, big: bool, names: Names) -> Token:
    if field.codec is None:
        return Token(field.name, field.offset, field.size, "padding", field.size)
    kinds = list(inner_kinds(field))
    counts = [kind.count for kind in kinds if isinstance(kind, ArrayKind)]
    count = None if not counts else _product(counts)
    optional = next((kind for kind in kinds if isinstance(kind, OptionalKind)), None)
    last: Any = kinds[-1]
    stored = last.stored if isinstance(last, EnumKind | ScaledKind) else last
    return Token(
        name=field.name,
        offset=field.offset,
        size=field.size,
        what=next(what for kind, what in _WHAT if isinstance(stored, kind)),
        width=stored.size,
        signed=getattr(stored, "signed", False),
        count=count,
        null=None if optional is None else _null_bytes(optional, big),
        enum=getattr(last, "members", None),
        digits=getattr(last, "digits", None),
        item=re.sub(r"\W", "_", names[last.message]) if hasattr(last, "message") else "",
        note=", ".join(one for one in (field.doc, field.unit and f"in {field.unit}") if one),
        big=big,
    )


def _product(counts: Iterable[int]) -> int:
    product = 1
    for one in counts:
        product *= one
    return product


def _null_bytes(kind: OptionalKind, big: bool) -> bytes:
    if kind.null != kind.null:
        return b""
    return struct.pack(f"{'>' if big else '<'}{kind.format}", kind.null)
