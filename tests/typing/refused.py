"""Wrong programs: a type checker refuses each marked line, for the reason in its comment, and no other line.

Nothing here is run. The marks keep this file out of the way of `make types`, where a mark that is not needed is an
error; the test takes them away and compares.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Annotated

from tlv import TLV, Group, Scaled, Size, i64, pad, padding, u8


class Side(IntEnum):
    BUY = 1


class Level(TLV):
    price: i64
    size: u8 = 0


class Other(TLV):
    price: i64


class Trade(TLV, type=1000):
    price: i64
    side: Annotated[Side, u8]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    name: Annotated[str, Size(4)]
    best: Level
    _padding: pad[4] = padding()
    limit: i64 | None = None
    levels: Group[Level] = ()


class Unpadded(TLV):
    x: i64
    _padding: pad[4]


def construction(trade: Trade) -> None:
    Level()  # type: ignore[call-arg]
    Level(1, 2, 3)  # type: ignore[call-arg]
    Level(prize=1)  # type: ignore[call-arg]
    Level("1")  # type: ignore[arg-type]
    Level(1.5)  # type: ignore[arg-type]
    Level(None)  # type: ignore[arg-type]
    Level(1, size=b"1")  # type: ignore[arg-type]
    Trade(1, 1, Decimal(1), "tea", Level(1))  # type: ignore[arg-type]
    Trade(1, Side.BUY, 1.5, "tea", Level(1))  # type: ignore[arg-type]
    Trade(1, Side.BUY, Decimal(1), b"tea", Level(1))  # type: ignore[arg-type]
    Trade(1, Side.BUY, Decimal(1), "tea", Other(1))  # type: ignore[arg-type]
    Trade(1, Side.BUY, Decimal(1), "tea", Level(1), _padding=b"1234")  # type: ignore[call-arg]
    Trade(1, Side.BUY, Decimal(1), "tea", Level(1), "7")  # type: ignore[arg-type]
    Trade(1, Side.BUY, Decimal(1), "tea", Level(1), levels=[Other(1)])  # type: ignore[list-item]
    Trade(1, Side.BUY, Decimal(1), "tea", Level(1), levels=(Level(n) for n in (1, 2)))  # type: ignore[arg-type]
    Unpadded(1)  # type: ignore[call-arg]


def change(trade: Trade) -> None:
    trade.price = 2  # type: ignore[misc]
    trade.best.size = 2  # type: ignore[misc]
    trade.another = 2  # type: ignore[attr-defined]
    trade.levels[0] = Level(1)  # type: ignore[index]
    trade.levels.append(Level(1))  # type: ignore[attr-defined]
    trade.as_bytes().price  # type: ignore[attr-defined]


def reading(trade: Trade) -> str:
    Level.ref_from("text")  # type: ignore[arg-type]
    Level.ref_from(None)  # type: ignore[arg-type]
    Level.ref_from(b"", "0")  # type: ignore[arg-type]
    Level.read_from([1, 2])  # type: ignore[arg-type]
    Level.from_bytes(b"")  # type: ignore[attr-defined]
    other: Other = Level.ref_from(b"")  # type: ignore[assignment]
    name: int = trade.name  # type: ignore[assignment]
    limit: int = trade.limit  # type: ignore[assignment]
    trade.prize  # type: ignore[attr-defined]
    trade.levels[0].prize  # type: ignore[attr-defined]
    for level in trade.levels:
        level.price.real.upper()  # type: ignore[attr-defined]
    print(other, name, limit)
    return trade.price  # type: ignore[return-value]


class BadDefault(TLV):
    x: i64 = "one"  # type: ignore[assignment]


class BadOrderOfDefaults(TLV):
    x: i64 = 1
    y: i64  # type: ignore[misc]


class BadRule(TLV):
    x: i64

    def validate(self) -> bool:  # type: ignore[override]
        return True
