"""The functions that each message class gets: constructor, readers, `ref_from`, `emplace`.

Only what needs the names of the fields in its signature is generated as source; the rest are
closures over constants, which CPython runs as fast. Measured on CPython 3.11: a view of TradeTLV
and two fields take about five times an unpack with ``struct``, four fifths of it in creating the
object and in calling the two properties.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .buffers import as_buffer
from .composites import ArrayKind, NestedKind, leaf
from .errors import BufferSpaceError, FieldValueError, ImmutableError, TextEncodingError, TruncatedError
from .kinds import IntKind, Kind, TextKind
from .layout import Field, Layout
from .variable import VariableKind, aligned

if TYPE_CHECKING:
    from .message import TLV

__all__ = ["FieldProperty", "finish", "new_class", "new_root", "prepare"]

#: What a value that does not fit may raise, from struct, from int.to_bytes and from the kinds.
MISFITS = (struct.error, ValueError, TypeError, OverflowError)
Function = Callable[..., Any]


def new_root(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """The class TLV itself."""
    return new_class(mcs, name, bases, namespace)


def new_class(mcs: type[type], name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """A message class, after `prepare` and before `finish`."""
    return type.__new__(mcs, name, bases, namespace)


def prepare(namespace: dict[str, Any], layout: Layout) -> Any:
    """What a class has in its body: properties, constructor, emplace. Returns what `finish` is to be told."""
    for field in layout.values:
        namespace[field.name] = reader(layout.name, layout, field)
    namespace["__init__"] = initializer(layout)
    namespace["emplace"] = staticmethod(emplacer(layout))
    return None


def finish(cls: Any, layout: Layout, _: Any) -> None:
    """What a class gets when it is made: `ref_from` and the like."""
    from .constraints import checker

    # In the class's own dict as plain functions: a classmethod costs 80 ns more to bind.
    cls.ref_from = staticmethod(ref_maker(cls, layout))
    cls._view = staticmethod(view_maker(cls))
    cls._check_fields = checker(layout)


class FieldProperty(property):
    """A field as an attribute; on the class it tells where the field lies: ``Trade.price.field``."""

    field: Field


def reader(message: str, layout: Layout, field: Field) -> FieldProperty:
    """The property that reads one field from the bytes of a message."""
    codec = field.codec
    assert codec is not None  # padding has no property

    def refuse(self: Any, value: object = None) -> None:
        raise ImmutableError(message=message, field=field.name)

    made = FieldProperty(_getter(message, layout, field, codec), refuse, refuse)
    made.field = field
    made.__doc__ = field.doc or None  # given to the constructor, the doc of the class would hide it
    return made


def _getter(message: str, layout: Layout, field: Field, codec: Kind) -> Function:
    at = field.offset
    if isinstance(codec, VariableKind):
        return _variable_getter((message, field.name), codec, at)
    if isinstance(codec, NestedKind):
        view = codec.message._view
        return lambda self: view(self._buf, self._off + at)
    if isinstance(codec, ArrayKind) and isinstance(codec.element, NestedKind):
        item, step, end = codec.element.message._view, codec.element.size, codec.size
        return lambda self: tuple(item(self._buf, self._off + at + i) for i in range(0, end, step))
    if isinstance(codec, IntKind) and not codec.direct:
        size, order, signed = codec.size, codec.byteorder, codec.signed

        def read_wide(self: Any) -> int:
            start = self._off + at
            return int.from_bytes(self._buf[start : start + size], order, signed=signed)

        return read_wide
    unpack = struct.Struct(layout.format[0] + codec.format).unpack_from
    if type(codec).decode is Kind.decode or codec.direct:
        if at == 0:
            return lambda self: unpack(self._buf, self._off)[0]
        return lambda self: unpack(self._buf, self._off + at)[0]
    decode = codec.decode
    if isinstance(leaf(codec), TextKind):
        return _text_getter((message, field.name), unpack, decode, at)
    return lambda self: decode(unpack(self._buf, self._off + at)[0])


def _text_getter(where: tuple[str, str], unpack: Function, decode: Function, at: int) -> Function:
    def read_text(self: Any) -> Any:
        stored = unpack(self._buf, self._off + at)[0]
        try:
            return decode(stored)
        except UnicodeDecodeError as cause:
            raise TextEncodingError(message=where[0], field=where[1], value=short(stored)) from cause

    return read_text


def _variable_getter(where: tuple[str, str], codec: VariableKind, at: int) -> Function:
    def read_variable(self: Any) -> Any:
        try:
            return codec.read(self._buf, at, where)
        except UnicodeDecodeError as cause:
            raise TextEncodingError(message=where[0], field=where[1], value=short(cause.object)) from cause

    return read_variable


def initializer(layout: Layout) -> Function:
    """The constructor: packs its arguments into the bytes of an owned message."""
    arguments, steps, env = _packing(layout)
    lines = [
        f"def __init__({', '.join(['_self', *arguments])}):",
        "    try:",
        *(f"        {line}" for line in steps.prepare),
        f"        _self._buf = {steps.expression('_pack')}",
        "    except _FieldValueError: raise",
        "    except _MISFITS as _cause:",
        f"        raise _blame(({_tuple(layout)}), _cause) from _cause",
        "    _self._off = 0",
    ]
    env["_blame"] = partial(_blame, layout)
    return _compiled(lines, "__init__", layout, env)


def emplacer(layout: Layout) -> Function:
    """``emplace(buffer, offset, ...)``: packs its arguments into a caller's buffer, all or nothing.

    Not with ``struct.pack_into``: that has written the fields before the one that does not fit.
    """
    arguments, steps, env = _packing(layout)
    lines = [
        f"def emplace({', '.join(['_buffer', '_offset', '/', *arguments])}):",
        "    try:",
        *(f"        {line}" for line in steps.prepare),
        f"        _bytes = {steps.expression('_pack')}",
        "    except _FieldValueError: raise",
        "    except _MISFITS as _cause:",
        f"        raise _blame(({_tuple(layout)}), _cause) from _cause",
        "    return _put(_name, _bytes, _buffer, _offset)",
    ]
    env |= {"_blame": partial(_blame, layout), "_put": write_bytes, "_name": layout.name}
    return _compiled(lines, "emplace", layout, env)


@dataclass
class _Steps:
    """How generated code packs: statements, then the arguments of the packer and what follows it."""

    prepare: list[str]
    stored: list[str]
    tail: str

    def expression(self, packer: str) -> str:
        return f"{packer}({', '.join(self.stored)}){self.tail}"


def _packing(layout: Layout) -> tuple[list[str], _Steps, dict[str, Any]]:
    """Signature, packing steps and the names that they use; helpers start with an underscore,
    which no field does, so that a field may have any other name.
    """
    packer = struct.Struct(layout.format)
    env: dict[str, Any] = {"_pack": packer.pack, "_MISFITS": MISFITS, "_FieldValueError": FieldValueError}
    arguments: list[str] = []
    steps = _Steps([], [], "")
    at, tail = "_FIXED", ["_gap"]
    for i, field in enumerate(layout.values):
        codec, name = field.codec, field.name
        assert codec is not None  # padding is not among the values
        if not field.is_required:
            env[f"_default_{i}"] = field.default
        arguments.append(name if field.is_required else f"{name}=_default_{i}")
        if isinstance(codec, VariableKind):
            env[f"_encode_{i}"] = _once(layout, field, codec.encode_data)
            steps.prepare.append(f"_count_{i}, _data_{i} = _encode_{i}({name})")
            steps.stored.append(f"({at} if _count_{i} else 0), _count_{i}")
            at += f" + _len(_data_{i})"
            tail.append(f"_data_{i}")
        elif codec.direct:
            steps.stored.append(name)
        else:
            env[f"_encode_{i}"] = _once(layout, field, codec.encode) if isinstance(codec, ArrayKind) else codec.encode
            steps.stored.append(f"_encode_{i}({name})")
    if layout.variable:
        env["_len"] = len
        env["_FIXED"] = aligned(layout.size)
        env["_gap"] = bytes(aligned(layout.size) - layout.size)
        steps.tail = "".join(f" + {one}" for one in tail)
    return arguments, steps, env


def _tuple(layout: Layout) -> str:
    return "".join(f"{field.name}, " for field in layout.values)


def _compiled(lines: list[str], name: str, layout: Layout, env: dict[str, Any]) -> Function:
    made: dict[str, Any] = {}
    code = compile("\n".join(lines), f"<{name} of {layout.name}>", "exec")
    exec(code, env, made)
    function: Function = made[name]
    function.__qualname__ = f"{layout.name}.{name}"  # what Python's own errors about arguments name
    return function


def _blame(layout: Layout, values: tuple[Any, ...], cause: Exception) -> FieldValueError:
    """The error that names the first field whose value does not fit."""
    for field, value in zip(layout.values, values, strict=True):
        codec = field.codec
        assert codec is not None
        if isinstance(codec, VariableKind | ArrayKind):
            continue  # encoded before: see _once
        try:
            codec.encode(value)
        except MISFITS as misfit:
            return _misfit(layout, field, value, misfit)
    changing = "a value that is another one each time"
    return FieldValueError(message=layout.name, field="?", kind="its field", value=changing, rule=str(cause))


def _once(layout: Layout, field: Field, encode: Function) -> Function:
    """An encoder that names its field itself: its value may be a generator, which gives its items once."""

    def encode_once(value: Any) -> Any:
        try:
            return encode(value)
        except MISFITS as misfit:
            raise _misfit(layout, field, value, misfit) from misfit

    return encode_once


def _misfit(layout: Layout, field: Field, value: Any, cause: Exception) -> FieldValueError:
    return FieldValueError(message=layout.name, field=field.name, kind=field.kind, value=short(value), rule=str(cause))


def short(value: object, limit: int = 80) -> str:
    """A value for an error text, never longer than ``limit`` characters."""
    try:
        text = repr(value)
    except Exception as cause:
        text = f"<{type(value).__name__} whose repr raises {type(cause).__name__}>"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def stored(layout: Layout, field: Field, buf: Any, offset: int) -> Any:
    """What ``struct`` unpacks for a field."""
    assert field.codec is not None
    return struct.unpack_from(layout.format[0] + field.codec.format, buf, offset + field.offset)[0]


def from_plain(codec: Kind | None, value: Any) -> Any:
    """A value from its `to_dict` form: dicts become messages. What fits nothing stays as it is, for
    the constructor to refuse.
    """
    message = getattr(codec, "message", None)
    if isinstance(value, list | tuple):
        if isinstance(codec, ArrayKind):
            return tuple(from_plain(codec.element, one) for one in value)
        if message is not None and isinstance(codec, VariableKind):
            return [message.from_dict(one) if isinstance(one, Mapping) else one for one in value]
    return message.from_dict(value) if message is not None and isinstance(value, Mapping) else value


def view_maker(cls: type[TLV]) -> Function:
    """``_view(buf, offset)``: a view over bytes that were checked before."""
    new = object.__new__

    def view(buf: Any, offset: int) -> Any:
        self: Any = new(cls)
        self._buf = buf
        self._off = offset
        return self

    return view


def ref_maker(cls: type[TLV], layout: Layout) -> Function:
    """``ref_from``: checks the length and makes a view; for variable messages also every offset."""
    new, size, name = object.__new__, layout.size, layout.name

    def ref_from(buf: Any, offset: int = 0, length: int | None = None) -> Any:
        if type(buf) is not bytes:
            buf = as_buffer(buf, name)
        if offset < 0 or len(buf) - offset < size or length is not None:
            _available(name, size, len(buf), offset, length)
        self: Any = new(cls)
        self._buf = buf
        self._off = offset
        return self

    if not layout.variable:
        return ref_from

    variable = [(field.codec, field.offset, (name, field.name)) for field in layout.variable]

    def ref_from_variable(buf: Any, offset: int = 0, length: int | None = None) -> Any:
        buf = as_buffer(buf, name)
        available = _available(name, size, len(buf), offset, length)
        payload = buf[offset : offset + available]
        end = size
        for codec, at, where in variable:
            end = max(end, codec.locate(payload, at, where)[2])  # type: ignore[union-attr]
        self: Any = new(cls)
        self._buf = payload[: min(aligned(end), available)]
        self._off = 0
        return self

    return ref_from_variable


def _available(name: str, size: int, total: int, offset: int, length: int | None) -> int:
    """How many bytes of a buffer belong to a message; raises where they do not suffice."""
    available = max(0, total - max(0, offset))
    needed = size if length is None else max(size, length)
    if offset < 0 or available < needed or (length is not None and length < size):
        given = available if length is None else min(available, length)
        raise TruncatedError(message=name, needed=needed, offset=offset, available=max(0, given))
    return available if length is None else length


def write_bytes(message: str, data: Any, buffer: Any, offset: int) -> int:
    """Copy the bytes of a message into a writable buffer; returns how many."""
    target = as_buffer(buffer, message)
    needed = len(data)
    if target.readonly or offset < 0 or len(target) - offset < needed:
        available = 0 if target.readonly else max(0, len(target) - max(0, offset))
        raise BufferSpaceError(message=message, needed=needed, offset=offset, available=available)
    target[offset : offset + needed] = data
    return needed
