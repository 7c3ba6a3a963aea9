"""Messages that have, together, every kind of field: in both byte orders, at odd places, with constraints."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag
from types import GenericAlias
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf, Predicate

__all__ = ["Colour", "Marks", "Rights", "Side", "array_of", "declare"]


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Colour(Enum):
    RED = 0
    GREEN = 7


class Rights(IntFlag):
    READ = 1
    WRITE = 2
    RUN = 4


class Marks(Flag):
    OLD = 1
    NEW = 8


def is_even(value: int) -> bool:
    return value % 2 == 0


def array_of(t: Any, element: Any, count: int) -> Any:
    """An array of that many elements."""
    elements: Any = GenericAlias(tuple, (element, ...))
    return Annotated[elements, t.Size(count)]


def declare(t: Any) -> list[Any]:
    """The classes, made by an implementation of `tlv`; each has a wire type."""
    return [*_declare(t, "little", 2000), *_declare(t, "big", 2100)]


def _declare(t: Any, order: str, type_id: int) -> list[Any]:
    numbers = {
        f"{sign}{bits}": Annotated[int, t.IntType(bits, signed=sign == "i")]
        for bits in (8, 16, 24, 32, 40, 56, 64, 96, 128, 256)
        for sign in "iu"
    }

    def define(name: str, fields: dict[str, Any], **more: Any) -> Any:
        nonlocal type_id
        type_id += 1
        return t.define_tlv(name, fields, type=type_id, byteorder=order, **more)

    level = define("Level", {"price": t.i64, "size": t.u256})
    odd = define("Odd", {"flag": bool, "number": t.i24, "_gap": t.pad[1], "text": Annotated[str, t.Size(3)]})
    inner = define("Inner", {"odd": odd, "levels": array_of(t, level, 2), "last": t.u8})
    return [
        level,
        odd,
        inner,
        define("Numbers", {**numbers, "f32": t.f32, "f64": t.f64, "yes": bool}),
        define(
            "Named",
            {
                "side": Annotated[Side, t.u8],
                "colour": Annotated[Colour, t.i24],
                "rights": Annotated[Rights, t.u16],
                "marks": Annotated[Marks, t.i128],
                "small": Annotated[Decimal, t.Scaled(t.i32, 4)],
                "large": Annotated[Decimal, t.Scaled(t.u256, 77)],
                "key": Annotated[bytes, t.Size(5)],
                "name": Annotated[str, t.Size(7)],
            },
        ),
        define(
            "Optional",
            {
                "i64": t.i64 | None,
                "u8": Annotated[t.u8 | None, t.Null(0)],
                "u256": t.u256 | None,
                "f32": t.f32 | None,
                "f64": Annotated[t.f64 | None, t.Null(0.0)],
                "side": Annotated[Side, t.u8] | None,
                "amount": Annotated[Decimal, t.Scaled(t.i64, 8)] | None,
                "key": Annotated[bytes, t.Size(40)] | None,
            },
        ),
        define(
            "Arrays",
            {
                "numbers": Annotated[tuple[t.i16, ...], t.Size(3)],
                "wide": Annotated[tuple[t.u96, ...], t.Size(2)],
                "texts": Annotated[tuple[Annotated[str, t.Size(2)], ...], t.Size(2)],
                "sides": Annotated[tuple[Annotated[Side, t.u8], ...], t.Size(3)],
                "table": Annotated[tuple[Annotated[tuple[t.f32, ...], t.Size(2)], ...], t.Size(2)],
                "maybe": Annotated[tuple[Annotated[Decimal, t.Scaled(t.i8, 1)] | None, ...], t.Size(2)],
                "yes": Annotated[tuple[bool, ...], t.Size(2)],
                "inner": array_of(t, inner, 2),
            },
        ),
        define(
            "Varied",
            {
                "number": t.u8,
                "note": str,
                "data": bytes,
                "levels": t.Group[level],
                "odds": t.Group[odd],
                "inners": t.Group[inner],
            },
        ),
        define("Text", {"text": str}),
        define(
            "Ruled",
            {
                "low": Annotated[t.i16, Ge(-3), Lt(300)],
                "high": Annotated[t.u64, Gt(2**63), Le(2**64 - 2)],
                "step": Annotated[t.i32 | None, MultipleOf(6)],
                "wide": Annotated[t.i256, Gt(0)],
                "ratio": Annotated[t.f64, Gt(0.0), Le(1.0)],
                "even": Annotated[t.u8, Predicate(is_even)],
                "yes": bool,
                "steps": Annotated[tuple[Annotated[t.u8, Lt(9)], ...], t.Size(2)],
                "note": Annotated[str, Len(0, 5)],
                "levels": Annotated[t.Group[level], Len(1, 3)],
            },
        ),
        _with_rule(t, order, type_id + 1),
    ]


def _with_rule(t: Any, order: str, type_id: int) -> Any:
    """A class with a rule of its own."""

    def validate(self: Any) -> None:
        if self.bid > self.ask:
            raise ValueError("crossed")

    body = {
        "__module__": __name__,
        "__annotations__": {"bid": Annotated[t.i64, Ge(0)], "ask": t.i64},
        "validate": validate,
    }
    return type(t.TLV)("Quote", (t.TLV,), body, type=type_id, byteorder=order)
