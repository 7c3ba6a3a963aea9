"""From annotations to fields: reads a class body and lays it out, or says what to change."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, get_args, get_origin

from .annotations import Declared, Namespace, shown, take_apart
from .codegen import MISFITS, short
from .composites import ArrayKind, NestedKind, OptionalKind, default_null
from .errors import DeclarationError
from .kinds import BoolKind, ByteOrder, BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import REQUIRED, Field, Layout
from .types import FloatType, GroupType, IntType, Null, PadType, Scaled, Size
from .variable import VARIABLE_SIZE_MAX, GroupKind, VariableBytesKind, VariableKind, VariableTextKind

__all__ = ["lay_out"]

_REMEDY = "use a type of tlv.types, an enum, another message, Group[...], bytes or str"


def lay_out(
    name: str,
    annotations: Mapping[str, Any],
    defaults: Mapping[str, Any],
    namespace: Namespace,
    *,
    reserved: frozenset[str],
    byteorder: ByteOrder,
    inherited: tuple[Field, ...] = (),
) -> tuple[Field, ...]:
    """The fields of a class in order; raises `DeclarationError` that says what to change."""
    if not annotations:
        _check_no_assigned_types(name, defaults)
    fields = list(inherited)
    taken = {one.name for one in inherited}
    offset = sum(one.size for one in inherited)
    for field_name, annotation in annotations.items():
        where = f"{name}.{field_name}"
        try:
            resolved = namespace.resolve(annotation)
            if resolved is ClassVar or get_origin(resolved) is ClassVar:
                continue
            declared = take_apart(resolved, namespace)
            if isinstance(declared.base, PadType):
                field = _padding_field(where, field_name, declared.base, offset)
            else:
                _check_name(where, field_name, reserved)
                kind = _kind(where, declared, namespace, byteorder)
                field = _field(field_name, declared, kind, offset, defaults.get(field_name, REQUIRED))
        except DeclarationError:
            raise
        except Exception as cause:
            text = repr(annotation) if isinstance(annotation, str) else shown(annotation)
            raise DeclarationError(
                where=where,
                reason=f"the annotation {text} cannot be read ({type(cause).__name__}: {cause})",
                remedy="import the name, or define it before the class",
            ) from cause
        if field_name in taken:
            raise DeclarationError(where=where, reason="a base declares this field", remedy="choose another name")
        _check_default(where, field, fields)
        fields.append(field)
        offset += field.size
        if offset > VARIABLE_SIZE_MAX:
            raise DeclarationError(
                where=where,
                reason=f"the fixed fields take more than {VARIABLE_SIZE_MAX} bytes",
                remedy="make it smaller: no frame can hold it",
            )
    return tuple(fields)


def _field(name: str, declared: Declared, kind: Kind, offset: int, default: Any) -> Field:
    doc = declared.doc
    return Field(
        name=name,
        offset=offset,
        size=kind.size,
        kind=kind.name,
        unit=doc.unit,
        doc=doc.text,
        source=doc.source,
        constraints=declared.constraints,
        default=default,
        codec=kind,
    )


def _padding_field(where: str, name: str, declared: PadType, offset: int) -> Field:
    if not name.startswith("_"):
        raise DeclarationError(
            where=where, reason="padding has no value to read", remedy=f"call it _{name} or _padding"
        )
    if type(declared.size) is not int or declared.size < 1:
        raise DeclarationError(
            where=where, reason=f"pad[{declared.size!r}] is no number of bytes", remedy="write pad[1] or more"
        )
    return Field(name=name, offset=offset, size=declared.size, kind=f"pad[{declared.size}]")


def _check_no_assigned_types(name: str, body: Mapping[str, Any]) -> None:
    """A body without annotations whose values are field types: ``=`` was written for ``:``."""
    for attribute, value in body.items():
        if get_origin(value) is Annotated or isinstance(value, PadType | GroupType):
            raise DeclarationError(
                where=f"{name}.{attribute}",
                reason="a field type was assigned, so this is no field",
                remedy=f"write {attribute}: ..., with a colon",
            )


def _check_name(where: str, name: str, reserved: frozenset[str]) -> None:
    if name.startswith("_"):
        raise DeclarationError(where=where, reason="names with an underscore are for padding", remedy="rename it")
    if name in reserved:
        raise DeclarationError(where=where, reason="the name shadows the API of messages", remedy="rename the field")
    if keyword.iskeyword(name) or not name.isidentifier():
        raise DeclarationError(where=where, reason="the name cannot be written in Python", remedy="rename the field")


def _check_default(where: str, field: Field, before: list[Field]) -> None:
    codec = field.codec
    if field.is_required and any(one.default is not REQUIRED for one in before if not one.is_padding):
        raise DeclarationError(
            where=where,
            reason="a field without a default follows one with a default",
            remedy="give it a default, or move it up",
        )
    if field.is_required or codec is None:
        return
    try:
        codec.encode_data(field.default) if isinstance(codec, VariableKind) else codec.encode(field.default)
    except MISFITS as cause:
        raise DeclarationError(
            where=where,
            reason=f"the default {short(field.default)} does not fit: {cause}",
            remedy=f"choose one that fits {field.kind}",
        ) from cause


def _kind(where: str, declared: Declared, namespace: Namespace, byteorder: ByteOrder) -> Kind:
    if declared.optional:
        return _optional(where, replace(declared, optional=False), namespace, byteorder)
    base = declared.base
    size = declared.find(Size)
    if size is not None and (type(size.count) is not int or not 1 <= size.count <= 65_535):
        raise DeclarationError(where=where, reason=f"{size} is not 1 to 65535", remedy="choose a Size in this range")
    if declared.find(Null) is not None:
        raise DeclarationError(
            where=where, reason="it has a Null and can never be None", remedy=f"write {declared.text} | None"
        )
    if size is not None and base not in (bytes, str) and get_origin(base) is not tuple:
        raise DeclarationError(
            where=where, reason=f"{declared.text} has no Size", remedy="write Size with bytes, str and tuple only"
        )
    scaled = declared.find(Scaled)
    if scaled is not None or base is Decimal:
        return _scaled(where, declared, scaled, namespace, byteorder)
    if isinstance(base, GroupType):
        return GroupKind(_fixed_message(where, take_apart(base.item, namespace)), byteorder)
    if get_origin(base) is tuple:
        return _array(where, base, size, namespace, byteorder)
    if base is bytes:
        return BytesKind(size.count) if size else VariableBytesKind(byteorder)
    if base is str:
        return TextKind(size.count) if size else VariableTextKind(byteorder)
    if base is bool:
        return BoolKind()
    if isinstance(base, type) and issubclass(base, Enum):
        return _enum(where, base, _integer(where, declared, byteorder))
    if base is int:
        return _integer(where, declared, byteorder)
    if base is float and declared.find(FloatType):
        return FloatKind(declared.find(FloatType))
    if base is float:
        raise DeclarationError(where=where, reason="float has no width", remedy="use f64 or f32")
    if isinstance(getattr(base, "layout", None), Layout):
        return NestedKind(_fixed_message(where, declared))
    raise DeclarationError(where=where, reason=f"{declared.text} is not a field type", remedy=_REMEDY)


def _optional(where: str, declared: Declared, namespace: Namespace, byteorder: ByteOrder) -> Kind:
    null = declared.find(Null)
    rest = tuple(one for one in declared.metadata if not isinstance(one, Null))
    inner = _kind(where, replace(declared, metadata=rest), namespace, byteorder)
    if isinstance(inner, VariableKind | NestedKind | ArrayKind | BoolKind | TextKind):
        raise DeclarationError(
            where=where,
            reason=f"{inner.name} has no stored value that could mean None",
            remedy="make it an integer, a float, an enum, a decimal or bytes of a fixed size",
        )
    if null is None:
        return OptionalKind(inner, default_null(inner))
    stored = inner.stored if isinstance(inner, EnumKind | ScaledKind) else inner
    try:
        value = stored.encode(null.value)
    except MISFITS as cause:
        raise DeclarationError(
            where=where,
            reason=f"Null({null.value!r}) does not fit: {cause}",
            remedy=f"choose one that fits {stored.name}",
        ) from cause
    usual = OptionalKind(inner, default_null(inner))
    return usual if usual.is_null(value) else OptionalKind(inner, value, f"({null.value!r})")


def _enum(where: str, members: type[Enum], stored: IntKind) -> Kind:
    for name, member in members.__members__.items():
        try:
            stored.check(member.value)
        except MISFITS as cause:
            raise DeclarationError(
                where=where,
                reason=f"{members.__name__}.{name} = {member.value!r} does not fit {stored.name}: {cause}",
                remedy="give the members numbers that fit, or choose a wider integer",
            ) from cause
    return EnumKind(members, stored)


def _scaled(where: str, declared: Declared, scaled: Scaled | None, namespace: Namespace, byteorder: ByteOrder) -> Kind:
    stored = take_apart(scaled.stored, namespace).find(IntType) if scaled else None
    if scaled is None or stored is None or declared.base is not Decimal or scaled.digits not in range(78):
        raise DeclarationError(
            where=where,
            reason="a decimal needs its integer and its digits",
            remedy="write Annotated[Decimal, Scaled(i64, 8)], with 0 to 77 digits",
        )
    return ScaledKind(IntKind(stored, byteorder), scaled.digits)


def _array(where: str, base: Any, size: Size | None, namespace: Namespace, byteorder: ByteOrder) -> Kind:
    arguments = get_args(base)
    if len(arguments) != 2 or arguments[1] is not Ellipsis or size is None:
        raise DeclarationError(
            where=where,
            reason="an array needs one element type and a size",
            remedy="write Annotated[tuple[i64, ...], Size(4)]",
        )
    declared = take_apart(arguments[0], namespace)
    element = _kind(where, declared, namespace, byteorder)
    if isinstance(element, VariableKind):
        raise DeclarationError(
            where=where, reason=f"{element.name} has no fixed size", remedy="use a fixed-size element"
        )
    return ArrayKind(element, size.count, declared.constraints).bind(byteorder)


def _integer(where: str, declared: Declared, byteorder: ByteOrder) -> IntKind:
    width = declared.find(IntType)
    if width is None:
        name = shown(declared.base)
        raise DeclarationError(
            where=where,
            reason=f"{name} has no width",
            remedy="use i64, u32 and so on" if declared.base is int else f"write Annotated[{name}, u8]",
        )
    return IntKind(width, byteorder)


def _fixed_message(where: str, declared: Declared) -> Any:
    layout = getattr(declared.base, "layout", None)
    if not isinstance(layout, Layout):
        raise DeclarationError(where=where, reason=f"{declared.text} is not a message", remedy=_REMEDY)
    if layout.size == 0:
        raise DeclarationError(
            where=where, reason=f"{layout.name} has no fields", remedy="nest and group messages that have some"
        )
    if layout.variable:
        raise DeclarationError(
            where=where,
            reason=f"{layout.name} has variable fields",
            remedy="nest and group messages of a fixed size only",
        )
    return declared.base
