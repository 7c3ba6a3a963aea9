"""The fixed blocks of the messages as a schema of SBE (FIX Simple Binary Encoding), version 1.0.

SBE puts groups and data behind the block, one after the other; here a field of the block says where they lie. So a
group is a field of the type ``variable`` (offset and count), and its items are a composite of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, Flag
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mycelium.errors.contract import ExportFormError

from .tokens import Record, Token, enums_of

__all__ = ["NAMESPACE", "sbe_xml"]

NAMESPACE = "http://fixprotocol.io/2016/sbe"

#: The TLV header in front of every message, and what says where data of a variable size lies.
_COMPOSITES = {
    "messageHeader": {"templateId": "uint16", "version": "uint8", "flags": "uint8", "blockLength": "uint32"},
    "variable": {"offset": "uint32", "count": "uint32"},
}


def sbe_xml(records: Iterable[Record], name: str) -> str:
    """The schema. Raises `ExportFormError` where messages differ in their byte order: a schema has one."""
    records = tuple(records)
    orders = {one.big for one in records}
    if len(orders) > 1:
        strange = next(one.name for one in records if one.big)
        raise ExportFormError(message=strange, language="sbe-xml", reason="others have the other byte order")
    root = Element("sbe:messageSchema", {"xmlns:sbe": NAMESPACE, "package": name, "id": "1", "version": "0"})
    root.set("byteOrder", "bigEndian" if orders == {True} else "littleEndian")
    root.set("description", "Written by `mycelium contract export --to sbe-xml`.")
    types = SubElement(root, "types")
    for composite, members in _COMPOSITES.items():
        one = SubElement(types, "composite", name=composite)
        for member, primitive in members.items():
            SubElement(one, "type", name=member, primitiveType=primitive)
        if composite == "messageHeader":
            SubElement(one, "type", name="schemaId", primitiveType="uint16", presence="constant").text = "1"
    declared: dict[str, Element] = {}
    for enum in enums_of(records):
        _enum(declared, enum, next(one for record in records for one in record.tokens if one.enum is enum))
    layouts = {one.name: _composite(one) for one in records if one.type_id is None}
    types.extend([*declared.values(), *layouts.values()])
    for record in records:
        if record.type_id is not None:
            root.append(_message(record, declared, types))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _message(record: Record, declared: dict[str, Element], types: Element) -> Element:
    told = {"name": record.name, "id": str(record.type_id), "blockLength": str(record.size)}
    message = Element("sbe:message", told | ({"description": record.doc} if record.doc else {}))
    for number, token in enumerate(record.values, 1):
        attributes = {"name": token.name, "id": str(number), "type": _type(token, declared, types)}
        attributes["offset"] = str(token.offset)
        if token.note:
            attributes["description"] = token.note
        if token.null is not None:
            attributes["presence"] = "optional"
        SubElement(message, "field", attributes)
    return message


def _composite(record: Record) -> Element:
    composite = Element("composite", name=record.name)
    for token in record.values:
        inner = token.item or (token.enum.__name__ if token.enum is not None else "")
        if inner and token.count is None and token.null is None:
            SubElement(composite, "ref", name=token.name, type=inner, offset=str(token.offset))
        else:
            attributes = dict(_encoding(token)) | {"offset": str(token.offset)}
            SubElement(composite, "type", {"name": token.name, **attributes})
    return composite


def _type(token: Token, declared: dict[str, Element], types: Element) -> str:
    """The name of the type of a field; it is added to the schema where it is not there yet."""
    if token.is_variable:
        return "variable"
    if token.what == "layout" and token.count is None:
        return token.item
    if token.enum is not None and token.count is None and token.null is None:
        return token.enum.__name__
    encoding = dict(_encoding(token))
    if encoding.keys() == {"primitiveType"}:
        return encoding["primitiveType"]
    name = encoding["primitiveType"]
    name += f"_x{encoding['length']}" if "length" in encoding else ""
    name += f"_null_{encoding['nullValue'].replace('-', 'm')}" if "nullValue" in encoding else ""
    if name not in declared:
        declared[name] = SubElement(types, "type", {"name": name, **encoding})
    return name


def _encoding(token: Token) -> Iterator[tuple[str, str]]:
    """What a ``type`` says of it: primitive type, length and null. What SBE does not know is bytes."""
    count = 1 if token.count is None else token.count
    known = {"int": (1, 2, 4, 8), "bool": (1,), "float": (4, 8)}
    if token.width not in known.get(token.what, ()):
        yield "primitiveType", "char" if token.what == "text" and token.count is None else "uint8"
        yield "length", str(token.size)
        if token.what == "text":
            yield "characterEncoding", "UTF-8"
        return
    if token.what == "float":
        yield "primitiveType", "float" if token.width == 4 else "double"
    else:
        yield "primitiveType", f"{'' if token.signed else 'u'}int{token.width * 8}"
    if count > 1:
        yield "length", str(count)
    if token.null is not None:
        yield "presence", "optional"
        yield "nullValue", "NaN" if not token.null else str(_number(token))


def _number(token: Token) -> int:
    assert token.null is not None
    return int.from_bytes(token.null, "big" if token.big else "little", signed=token.signed)


def _enum(declared: dict[str, Element], enum: type[Enum], token: Token) -> None:
    encoding = f"{'' if token.signed else 'u'}int{token.width * 8}"
    numbers = {name: int(member.value) for name, member in enum.__members__.items()}
    if issubclass(enum, Flag) and all(number > 0 and number & (number - 1) == 0 for number in numbers.values()):
        told = Element("set", name=enum.__name__, encodingType=encoding)
        for name, number in numbers.items():
            SubElement(told, "choice", name=name).text = str(number.bit_length() - 1)
    else:
        told = Element("enum", name=enum.__name__, encodingType=encoding)
        for name, number in numbers.items():
            SubElement(told, "validValue", name=name).text = str(number)
    declared[enum.__name__] = told
