"""A declaration made again by another implementation of `tlv` in the same process, and values of its messages."""

from __future__ import annotations

from types import GenericAlias, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from tlv import TLV, types
from tlv.layout import REQUIRED

__all__ = ["message_by", "value_by"]

_made: dict[tuple[str, type[TLV]], Any] = {}


def message_by(t: Any, cls: type[TLV]) -> Any:
    """The class as the implementation `t` declares it."""
    if isinstance(cls, type(t.TLV)):
        return cls
    key = t.implementation.running, cls
    if key not in _made:
        fields: dict[str, Any] = {}
        for name, annotation in cls.__annotations__.items():
            default = cls.layout[name].default
            again = _annotation_by(t, annotation)
            fields[name] = again if default is REQUIRED else (again, value_by(t, default))
        layout = cls.layout
        _made[key] = t.define_tlv(
            cls.__name__, fields, type=layout.type_id, version=layout.version, byteorder=layout.byteorder
        )
    return _made[key]


def value_by(t: Any, value: Any) -> Any:
    """A value of a field; messages are made of the same bytes."""
    if isinstance(value, TLV):
        return message_by(t, type(value)).read_from(bytes(value))
    if type(value) in (list, tuple):
        return type(value)(value_by(t, one) for one in value)
    return value


def _annotation_by(t: Any, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        first, *metadata = arguments
        return Annotated[(_annotation_by(t, first), *(_annotation_by(t, one) for one in metadata))]
    if origin in (Union, UnionType):
        return Union[tuple(_annotation_by(t, one) for one in arguments)]  # noqa: UP007 - of any number
    if isinstance(annotation, GenericAlias):
        return GenericAlias(tuple, (_annotation_by(t, arguments[0]), ...))
    if isinstance(annotation, type):
        return message_by(t, annotation) if issubclass(annotation, TLV) else annotation
    match annotation:
        case types.IntType(bits, signed):
            return t.IntType(bits, signed=signed)
        case types.FloatType(bits):
            return t.FloatType(bits)
        case types.Size(count):
            return t.Size(count)
        case types.Null(value):
            return t.Null(value)
        case types.Scaled(stored, digits):
            return t.Scaled(_annotation_by(t, stored), digits)
        case types.PadType(size):
            return t.pad[size]
        case types.GroupType(item):
            return t.Group[_annotation_by(t, item)]
    return annotation
