"""The same functions as `tlv.codegen` for messages that copy; only imported where they run.

What was before views: every message is a plain object with a slot for each field. Reading a
message unpacks all of it at once, arrays, nested messages and group items too; `as_bytes` packs
the values again. Nothing of a buffer is kept, so a later change of the buffer is not seen, and the
buffer can be resized or closed at once. All the rest is as in the twin: declarations, errors, bytes.

Values do not always give the same bytes again: a bool of 2, text with zeros inside, the bits of a
NaN, groups with gaps between them. A message with such fields keeps a copy of its bytes beside the
values. A field that cannot be decoded (text that is not UTF-8) raises when it is read, as in the twin.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

from . import codegen
from .buffers import as_buffer
from .codegen import FieldProperty, short
from .composites import NestedKind, OptionalKind, leaf
from .errors import ImmutableError, TextEncodingError
from .kinds import BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import Field, Layout
from .variable import GroupKind, GroupView, VariableKind, VariableTextKind, aligned

__all__ = ["finish", "new_class", "new_root", "prepare"]

Function = Callable[..., Any]
T = TypeVar("T")

#: Kinds whose values always give their bytes again.
_EXACT = (IntKind, EnumKind, ScaledKind, BytesKind, NestedKind)


def new_root(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """The class TLV itself: without the slots of a view."""

    def itself(self: T) -> T:
        """The message: it carries its values already."""
        return self

    return type.__new__(mcs, name, bases, namespace | {"__slots__": (), "to_owned": itself, "_copied": itself})


def new_class(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """A message class, with a slot for each field that its base has not."""
    layout: Layout = namespace["layout"]
    slots = [_slot(field) for field in layout] + ([] if _is_exact(layout) else ["_kept"])
    namespace["__slots__"] = tuple(one for one in slots if not any(hasattr(base, one) for base in bases))
    return type.__new__(mcs, name, bases, namespace)


def prepare(namespace: dict[str, Any], layout: Layout) -> Any:
    """What a class has in its body: properties, constructor, emplace, and what fills the slots."""
    for field in layout.values:
        namespace[field.name] = _reader(layout, field)
    fill = _filler(layout)
    namespace["__init__"] = _initializer(layout, fill)
    namespace["emplace"] = staticmethod(codegen.emplacer(layout))
    namespace["_payload"] = _packer(layout) if _is_exact(layout) else _kept
    return fill


def finish(cls: Any, layout: Layout, fill: Any) -> None:
    """What a class gets when it is made: `ref_from` and the like."""
    from .constraints import checker

    new = object.__new__

    def view(buf: Any, offset: int) -> Any:
        self = new(cls)
        fill(self, buf, offset)
        return self

    cls.ref_from = staticmethod(_variable_reader(view, layout) if layout.variable else _fixed_reader(view, layout))
    cls._view = staticmethod(view)
    cls._check_fields = checker(layout)


class Unreadable:
    """In the slot of a field that cannot be decoded: what was stored, for whoever reads the field."""

    __slots__ = ("stored",)

    def __init__(self, stored: Any) -> None:
        self.stored = stored


class Items(GroupView[T]):
    """The items of a group, each a message that was made when the group was read."""

    __slots__ = ("_items",)

    def __init__(self, read: GroupView[T]) -> None:
        super().__init__(read._item, *read.strided)
        self._items = tuple(read)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._items[index]
        try:
            return self._items[index]
        except IndexError:
            msg = f"item {index} of a group of {len(self._items)}"
            raise IndexError(msg) from None

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)


def _slot(field: Field) -> str:
    return f"_slot_{field.name}"


def _is_exact(layout: Layout) -> bool:
    """Whether the values of a message, and its padding, always give its bytes again."""
    return all(_is_exact_kind(field.codec) for field in layout)


def _is_exact_kind(codec: Kind | None) -> bool:
    codec = leaf(codec)
    if isinstance(codec, OptionalKind):
        return _is_exact_kind(codec.inner) and not isinstance(codec.inner, FloatKind)
    if isinstance(codec, FloatKind):
        return codec.size == 8  # widening an f32 changes a signalling NaN
    return codec is None or isinstance(codec, _EXACT)


def _kept(self: Any) -> bytes:
    kept: bytes = self._kept
    return kept


def _reader(layout: Layout, field: Field) -> FieldProperty:
    """The property of a field: what is in its slot, or the error about what was stored."""
    codec, get = field.codec, attrgetter(_slot(field))
    is_text = isinstance(leaf(codec), TextKind | VariableTextKind)

    def refuse(self: Any, value: object = None) -> None:
        raise ImmutableError(message=layout.name, field=field.name)

    def read(self: Any) -> Any:
        value = get(self)
        return refused(value.stored) if type(value) is Unreadable else value

    def refused(stored: Any) -> Any:
        try:
            return codec.decode(stored)  # type: ignore[union-attr]
        except UnicodeDecodeError as cause:
            if not is_text:
                raise
            raise TextEncodingError(message=layout.name, field=field.name, value=short(stored)) from cause

    made = FieldProperty(get if _decoder(codec) is None else read, refuse, refuse)
    made.field = field
    made.__doc__ = field.doc or None
    return made


def _decoder(codec: Kind | None) -> Function | None:
    """From what ``struct`` unpacks to the value; none where that is the value."""
    if codec is None or codec.direct or type(codec).decode is Kind.decode:
        return None
    if isinstance(codec, NestedKind):
        view = codec.message._view
        return lambda stored: view(stored, 0)
    decode = codec.decode
    if isinstance(codec, IntKind | ScaledKind):
        return decode

    def decode_or_keep(stored: Any) -> Any:
        try:
            return decode(stored)
        except Exception:
            return Unreadable(stored)

    return decode_or_keep


def _encoder(codec: Kind | None) -> Function | None:
    """The inverse of `_decoder`."""
    if codec is None or codec.direct or type(codec).decode is Kind.decode:
        return None
    encode = codec.encode
    return lambda value: value.stored if type(value) is Unreadable else encode(value)


def _variable_decoder(layout: Layout, field: Field) -> Function:
    codec: Any = field.codec
    where = (layout.name, field.name)
    if isinstance(codec, GroupKind):
        return lambda buf: Items(codec.read(buf, field.offset, where))
    decode = _decoder(codec) or bytes

    def decode_variable(buf: bytes) -> Any:
        start, _, end = codec.locate(buf, field.offset, where)
        return decode(buf[start:end])

    return decode_variable


def _struct(layout: Layout) -> struct.Struct:
    """The fixed block for ``struct``, padding included."""
    return struct.Struct(layout.format.replace("x", "s"))


def _filler(layout: Layout) -> Function:
    """Unpacks a message into the slots of a new object; a variable one from bytes that are its own."""
    env: dict[str, Any] = {"_unpack": _struct(layout).unpack_from, "_bytes": bytes}
    unpacked: list[str] = []
    lines: list[str] = []
    for i, field in enumerate(layout):
        stored = f"_v{i}"
        decode = None
        if isinstance(field.codec, VariableKind):
            env[f"_decode_{i}"] = _variable_decoder(layout, field)
            unpacked += ["_", "_"]
            lines.append(f"    _self.{_slot(field)} = _decode_{i}(_buf)")
            continue
        decode = _decoder(field.codec)
        unpacked.append(stored)
        if decode is not None:
            env[f"_decode_{i}"] = decode
            stored = f"_decode_{i}({stored})"
        lines.append(f"    _self.{_slot(field)} = {stored}")
    if layout.variable:
        lines.append("    _self._kept = _buf")
    elif not _is_exact(layout):
        lines.append(f"    _self._kept = _bytes(_buf[_at : _at + {layout.size}])")
    head = [f"    {', '.join(unpacked)}, = _unpack(_buf, _at)"] if unpacked else ["    pass"]
    return codegen._compiled(["def _fill(_self, _buf, _at):", *head, *lines], "_fill", layout, env)


def _packer(layout: Layout) -> Function:
    """The bytes of a message whose values tell them all."""
    env: dict[str, Any] = {"_pack": _struct(layout).pack}
    stored: list[str] = []
    for i, field in enumerate(layout):
        value = f"_self.{_slot(field)}"
        encode = _encoder(field.codec)
        if encode is not None:
            env[f"_encode_{i}"] = encode
            value = f"_encode_{i}({value})"
        stored.append(value)
    lines = ["def _payload(_self):", f"    return _pack({', '.join(stored)})"]
    return codegen._compiled(lines, "_payload", layout, env)


def _initializer(layout: Layout, fill: Function) -> Function:
    """The constructor: packs its arguments, which checks and converts them, and takes the values from there."""
    arguments, steps, env = codegen._packing(layout)
    lines = [
        f"def __init__({', '.join(['_self', *arguments])}):",
        "    try:",
        *(f"        {line}" for line in steps.prepare),
        f"        _packed = {steps.expression('_pack')}",
        "    except _FieldValueError: raise",
        "    except _MISFITS as _cause:",
        f"        raise _blame(({codegen._tuple(layout)}), _cause) from _cause",
        "    _fill(_self, _packed, 0)",
    ]
    env |= {"_blame": partial(codegen._blame, layout), "_fill": fill}
    return codegen._compiled(lines, "__init__", layout, env)


def _fixed_reader(view: Function, layout: Layout) -> Function:
    size, name = layout.size, layout.name

    def ref_from(buf: Any, offset: int = 0, length: int | None = None) -> Any:
        if type(buf) is not bytes:
            buf = as_buffer(buf, name)
        if offset < 0 or len(buf) - offset < size or length is not None:
            codegen._available(name, size, len(buf), offset, length)
        return view(buf, offset)

    return ref_from


def _variable_reader(view: Function, layout: Layout) -> Function:
    size, name = layout.size, layout.name
    variable = [(field.codec, field.offset, (name, field.name)) for field in layout.variable]

    def ref_from(buf: Any, offset: int = 0, length: int | None = None) -> Any:
        buf = as_buffer(buf, name)
        available = codegen._available(name, size, len(buf), offset, length)
        payload = buf[offset : offset + available]
        end = size
        for codec, at, where in variable:
            end = max(end, codec.locate(payload, at, where)[2])  # type: ignore[union-attr]
        return view(bytes(payload[: min(aligned(end), available)]), 0)

    return ref_from
