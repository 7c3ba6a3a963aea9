"""Golden vectors: bytes of messages and the values that every reader has to find in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from tlv import TLV, TLVError
from tlv.composites import ArrayKind, NestedKind, OptionalKind
from tlv.kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, ScaledKind, TextKind
from tlv.variable import GroupKind, VariableBytesKind, VariableTextKind

__all__ = ["vectors_of"]

#: Messages drawn beside the three at the ends.
_DRAWN = 5
_TRIES = 400


def vectors_of(messages: Iterable[type[TLV]]) -> list[dict[str, Any]]:
    """The vectors of all messages: each with its bytes in hex, its values as JSON has them, and whether it keeps its rules.

    The least, the greatest, the emptiest, and some that are drawn, the same every time.
    """
    return [_vector(message, made) for message in messages for made in _made(message)]


def _vector(message: type[TLV], made: TLV) -> dict[str, Any]:
    try:
        made.validate()
        valid = True
    except TLVError:
        valid = False
    return {
        "message": message.__name__,
        "type": message.type_id,
        "bytes": bytes(made.as_bytes()).hex(),
        "values": json.loads(made.to_json()),
        "valid": valid,
    }


def _made(message: type[TLV]) -> Iterator[TLV]:
    for end in ("least", "greatest", "empty"):
        yield _message(message, Random(0), end)  # noqa: S311  (chosen to be the same every time)
    random = Random(message.__name__)  # noqa: S311
    drawn = (_message(message, random, "") for _ in range(_TRIES))
    right = list(islice((one for one in drawn if _keeps_rules(one)), _DRAWN))
    yield from right or [_message(message, random, "")]


def _keeps_rules(message: TLV) -> bool:
    try:
        message.validate()
    except TLVError:
        return False
    return True


def _message(message: type[TLV], random: Random, end: str) -> TLV:
    return message(**{field.name: _value(field.codec, random, end) for field in message.layout.values})


def _value(kind: Any, random: Random, end: str) -> Any:
    match kind:
        case OptionalKind():
            value = None if end == "empty" or (not end and random.random() < 0.3) else _value(kind.inner, random, end)
            return value if value is None or _is_free(kind, value) else None
        case EnumKind():
            members = list(kind.members)
            return members[-1] if end == "greatest" else members[0] if end else random.choice(members)
        case ScaledKind():
            return Decimal(f"{_whole(kind.stored, random, end)}e-{kind.digits}")
        case IntKind():
            return _whole(kind, random, end)
        case FloatKind():
            return {"least": -1.5, "greatest": 2.0**100, "empty": 0.0}.get(end, random.randint(-(2**20), 2**20) / 8)
        case BoolKind():
            return end == "greatest" or (not end and random.random() < 0.5)
        case ArrayKind():
            return tuple(_value(kind.element, random, end) for _ in range(kind.count))
        case NestedKind():
            return _message(kind.message, random, end)
        case GroupKind():
            return [_message(kind.message, random, end) for _ in range(_length(random, end, 3))]
    return _sequence(kind, random, end)


def _sequence(kind: Any, random: Random, end: str) -> Any:
    size = kind.size if isinstance(kind, BytesKind | TextKind) else _length(random, end, 11)
    if isinstance(kind, BytesKind | VariableBytesKind):
        return {"least": bytes(size), "greatest": b"\xff" * size}.get(end) or random.randbytes(size)
    assert isinstance(kind, TextKind | VariableTextKind)
    if end == "empty":
        return ""
    return "".join(random.choices("abcxyz", k=size if end == "greatest" else max(1, size // 2)))


def _length(random: Random, end: str, most: int) -> int:
    return 0 if end == "empty" else 1 if end == "least" else most if end == "greatest" else random.randint(0, most)


def _whole(kind: IntKind, random: Random, end: str) -> int:
    if end:
        return {"least": kind.low, "greatest": kind.high, "empty": 0}[end]
    if random.random() < 0.2:
        return random.randint(kind.low, kind.high)
    return random.randint(max(kind.low, -99), min(kind.high, 10**9))


def _is_free(kind: OptionalKind, value: Any) -> bool:
    """Whether the value is not the one that means that there is none."""
    try:
        kind.encode(value)
    except ValueError:
        return False
    return True
