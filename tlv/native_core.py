"""The same functions as `tlv.codegen`, made by the compiled core; only imported where it runs.

A layout becomes a plan, a table that the core walks. What it does not do itself it asks of a
`Fallback`: every error, and the values that are rare.
"""

from __future__ import annotations

import decimal
import inspect
import struct
from enum import Enum
from typing import Any

from . import codegen, implementation
from .buffers import as_buffer
from .codegen import short
from .composites import ArrayKind, NestedKind, OptionalKind
from .constraints import checker, raise_rule_error
from .errors import (
    FieldBoundsError,
    FieldValueError,
    FrameContentError,
    ImmutableError,
    TextEncodingError,
    TruncatedError,
)
from .kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import REQUIRED, Layout
from .native_checks import field_checks
from .variable import GroupKind, VariableBytesKind, VariableKind, VariableTextKind

__all__ = ["finish", "new_class", "new_root", "prepare"]

core: Any = implementation.native

if core is not None:
    core.register(
        as_buffer=as_buffer,
        decimal=decimal.Decimal,
        struct_error=struct.error,
        field_value_error=FieldValueError,
        truncated_error=TruncatedError,
        content_error=FrameContentError,
    )


def new_class(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """A message class, after `prepare` and before `finish`."""
    return core.new_class(mcs, name, bases, namespace)


def new_root(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """The class TLV itself: on the compiled message, with what that has not."""
    return new_class(mcs, name, (core.TLV, *bases), implementation.remaining(namespace, core.TLV))


def prepare(namespace: dict[str, Any], layout: Layout) -> Any:
    """Put a descriptor for each field into the body of a class; returns its plan."""
    told = tuple(_told(field.name, field.offset, field.codec, layout, field.default) for field in layout.values)
    order = sorted(range(len(told)), key=lambda i: _turn(layout.values[i].codec))
    big = layout.byteorder == "big"
    plan = core.Plan(layout.name, layout.size, big, told, tuple(order), Fallback(layout))
    for i, field in enumerate(layout.values):
        namespace[field.name] = plan.field(i, field)
    return plan


def finish(cls: Any, layout: Layout, plan: Any) -> None:
    """Give a class its plan and, through it, constructor, `ref_from` and the like."""
    checks = [field_checks(field) for field in layout.values]
    rule = getattr(cls.validate, "__wrapped__", None)  # as it was written: see run_rule
    plan.set_checks(tuple(one or () for one in checks), None not in checks, rule)
    core.equip(cls, plan)


class Fallback:
    """What the core asks of Python for one class."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.initialize = codegen.initializer(layout)
        self.emplace = codegen.emplacer(layout)
        self.check = checker(layout)

    def signature(self) -> inspect.Signature:
        """Of the constructor."""
        whole = inspect.signature(self.initialize)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def encode(self, name: str, value: Any) -> Any:
        """An array or the data of a variable field, or the error that names the field."""
        field = self.layout[name]
        codec: Any = field.codec
        encode = codec.encode_data if isinstance(codec, VariableKind) else codec.encode
        return codegen._once(self.layout, field, encode)(value)

    def misfit(self, values: tuple[Any, ...], cause: Exception) -> None:
        """Raise the error about the first value that does not fit."""
        raise codegen._blame(self.layout, values, cause) from cause

    def immutable(self, name: str) -> None:
        """Raise for an attempt to set a field."""
        raise ImmutableError(message=self.layout.name, field=name)

    def truncated(self, total: int, offset: int, length: int | None) -> None:
        """Raise for a message that is not inside its buffer."""
        codegen._available(self.layout.name, self.layout.size, total, offset, length)

    def bounds(self, name: str, offset: int, count: int, available: int) -> None:
        """Raise for variable data that is not inside its message."""
        raise FieldBoundsError(message=self.layout.name, field=name, offset=offset, count=count, available=available)

    def text_refused(self, name: str, stored: bytes, cause: Exception) -> None:
        """Raise for text that is not UTF-8."""
        raise TextEncodingError(message=self.layout.name, field=name, value=short(stored)) from cause

    def rule_refused(self, message: Any, cause: ValueError) -> None:
        """Raise for what a class's own rule said."""
        raise_rule_error(message, cause)

    def write_bytes(self, data: bytes, buffer: Any, offset: int) -> int:
        """Write as the twin does, into any buffer, or raise."""
        return codegen.write_bytes(self.layout.name, data, buffer, offset)


def _turn(codec: Kind | None) -> int:
    """When the twin encodes a field: variable ones, those with a codec, those that struct packs."""
    if isinstance(codec, VariableKind):
        return 0
    return 2 if codec is not None and codec.direct else 1


def _told(name: str | None, offset: int, codec: Any, layout: Layout, default: Any = REQUIRED) -> tuple[Any, ...]:
    """A field, or an element of an array, as Plan takes it."""
    null = None
    size = codec.size
    if isinstance(codec, OptionalKind):
        null = _null(codec, layout)
        codec = codec.inner
    extra: Any = None
    members: Any = None
    element: Any = None
    count = digits = 0
    signed = getattr(getattr(codec, "stored", codec), "signed", False)
    if isinstance(codec, EnumKind):
        extra, members = _members(codec)
    elif isinstance(codec, ScaledKind):
        digits = codec.digits
    elif isinstance(codec, NestedKind | GroupKind):
        extra = codec.message
    elif isinstance(codec, ArrayKind):
        element, count = _told(None, 0, codec.element, layout), codec.count
    defaults = () if default is REQUIRED else (default,)
    return (
        name,
        _NAMES[type(codec)],
        offset,
        size,
        signed,
        null,
        codec,
        extra,
        members,
        element,
        count,
        digits,
        defaults,
    )


_NAMES: dict[type[Kind], str] = {
    IntKind: "int",
    FloatKind: "float",
    BoolKind: "bool",
    EnumKind: "enum",
    ScaledKind: "decimal",
    BytesKind: "bytes",
    TextKind: "text",
    ArrayKind: "array",
    NestedKind: "nested",
    GroupKind: "group",
    VariableBytesKind: "variable_bytes",
    VariableTextKind: "variable_text",
}


def _null(codec: OptionalKind, layout: Layout) -> Any:
    """The null as it is stored, or the number for floats, of which several are stored for one value."""
    if isinstance(codec.inner, FloatKind):
        return codec.null
    return struct.pack(layout.format[0] + codec.format, codec.null)


def _members(codec: EnumKind) -> tuple[dict[int, Enum], type[Enum] | None]:
    """The members by number, and their class where each is an int of its own value."""
    members = codec.members.__members__.values()
    by_number = {one.value: one for one in members if codec.member(one.value) is one}
    plain = issubclass(codec.members, int) and all(int(one) == one.value for one in by_number.values())
    return by_number, codec.members if plain else None
