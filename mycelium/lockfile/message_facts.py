"""What a lock says of messages: where each field lies, what it is and what is allowed in it."""

from __future__ import annotations

import hashlib
import inspect
import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from mycelium.contracts.message_sets import shown
from tlv import TLV, Field
from tlv.composites import ArrayKind
from tlv.constraints import rule_text
from tlv.kinds import EnumKind

from .lock import Facts
from .toml import Inline

__all__ = ["Names", "inner_kinds", "message_facts", "with_inner"]


class Names:
    """What each class is called in a lock: its name, and where it is from too if two have one name."""

    def __init__(self, classes: Iterable[type[Any]]) -> None:
        self._classes = list(dict.fromkeys(classes))
        self._taken = Counter(one.__name__ for one in self._classes)

    def __getitem__(self, one: type[Any]) -> str:
        return one.__name__ if self._taken[one.__name__] == 1 else place_of(one)


def place_of(one: type[Any]) -> str:
    """Where a class is found: ``tlv.market_data:TradeTLV``."""
    return f"{one.__module__}:{shown(one)}"


def with_inner(messages: Iterable[type[TLV]]) -> tuple[type[TLV], ...]:
    """The messages and all layouts inside them, each once."""
    found: dict[type[TLV], None] = {}
    ahead = list(messages)
    while ahead:
        message = ahead.pop()
        if message not in found:
            found[message] = None
            ahead += [
                kind.message for field in message.layout for kind in inner_kinds(field) if hasattr(kind, "message")
            ]
    return tuple(found)


def message_facts(messages: Iterable[type[TLV]]) -> tuple[Facts, Facts]:
    """The sections of messages (by type id, layouts without one last) and of enums."""
    everything = sorted(
        with_inner(messages), key=lambda one: (one.type_id is None, one.type_id or 0, one.__name__, place_of(one))
    )
    enums = sorted({kind.members for one in everything for kind in _enum_kinds(one)}, key=place_of)
    names = Names([*everything, *enums])
    told = {names[one]: _facts(one, names) for one in everything}
    return told, {names[one]: _enum_facts(one) for one in enums}


def inner_kinds(field: Field) -> Iterator[Any]:
    """The kind of a field, and the kinds inside of it: of array elements and of optional values."""
    kind: Any = field.codec
    while kind is not None:
        yield kind
        kind = getattr(kind, "element", None) or getattr(kind, "inner", None)


def _enum_kinds(message: type[TLV]) -> Iterator[EnumKind]:
    return (kind for field in message.layout for kind in inner_kinds(field) if isinstance(kind, EnumKind))


def _enum_facts(members: type[Enum]) -> Facts:
    by_number = sorted(members.__members__.items(), key=lambda one: (one[1].value, one[0]))
    return {name: member.value for name, member in by_number}


def _facts(message: type[TLV], names: Names) -> Facts:
    layout = message.layout
    told: Facts = {"class": place_of(message)}
    if layout.type_id is not None:
        told["type"] = layout.type_id
    told |= {"version": layout.version, "byteorder": layout.byteorder, "size": layout.size, "digest": layout.digest}
    rule = _rule_digest(message)
    if rule:
        told["validate"] = rule
    return told | {"fields": {field.name: _field_facts(field, names) for field in layout}}


def _field_facts(field: Field, names: Names) -> Inline:
    told = Inline(offset=field.offset, size=field.size, type=field.kind)
    for kind in inner_kinds(field):
        inner = getattr(kind, "message", None) or getattr(kind, "members", None)
        if inner is not None:
            told["of"] = names[inner]
    if field.unit:
        told["unit"] = field.unit
    if field.constraints:
        told["rules"] = [rule_text(one) for one in field.constraints]
    elements = [
        rule_text(one) for kind in inner_kinds(field) if isinstance(kind, ArrayKind) for one in kind.constraints
    ]
    if elements:
        told["element_rules"] = elements
    if field.codec is not None and not field.is_required:
        told["default"] = _default_text(field)
    return told


def _default_text(field: Field) -> str:
    try:
        return json.dumps(field.codec.to_json(field.default), ensure_ascii=False)  # type: ignore[union-attr]
    except (TypeError, AttributeError):  # a default in another of the forms that the field takes
        return str(field.default)


def _rule_digest(message: type[TLV]) -> str:
    """A digest of the source of the rule across fields; empty where the class has none."""
    rule = getattr(message.validate, "__wrapped__", None)  # as it was written
    if rule is None:
        return ""
    try:
        lines = textwrap.dedent(inspect.getsource(rule)).splitlines()
    except (OSError, TypeError):
        lines = [getattr(rule, "__qualname__", "validate")]
    text = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
