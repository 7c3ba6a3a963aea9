"""Right programs: type checkers accept each, with the types asserted here, and each runs."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, TypeVar, assert_type

from tlv import TLV, Doc, Group, Layout, Null, Scaled, Size, define_tlv, f64, i64, i256, pad, padding, u8, u32

M = TypeVar("M", bound=TLV)


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Level(TLV):
    price: i64
    size: u32 = 0


class Trade(TLV, type=1000, version=2, byteorder="little"):
    price: Annotated[i64, Doc("a price", unit="cent")]
    wide: i256
    ratio: f64
    on: bool
    side: Annotated[Side, u8]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    key: Annotated[bytes, Size(4)]
    name: Annotated[str, Size(4)]
    best: Level
    _padding: pad[3] = padding()
    counts: Annotated[tuple[u8, ...], Size(2)] = (1, 2)
    limit: i64 | None = None
    chosen: Annotated[i64 | None, Null(-1)] = None
    levels: Group[Level] = ()
    note: str = ""

    @property
    def is_cheap(self) -> bool:
        return self.price < 10

    def validate(self) -> None:
        if self.price > self.wide:
            raise ValueError("the price is too wide")


class Priced(Level):
    currency: Annotated[str, Size(4)] = ""


def a_trade() -> Trade:
    return Trade(5, 6, 0.5, True, Side.BUY, Decimal(1), b"abcd", "tea", Level(1))


def construction_takes_fields_by_position_and_by_name() -> None:
    Trade(5, 6, 0.5, True, Side.BUY, Decimal(1), b"abcd", "tea", Level(1), (3, 4), 7, None, [Level(2)], "note")
    Trade(
        price=5,
        wide=6,
        ratio=1,
        on=False,
        side=Side.SELL,
        amount=Decimal("1.5"),
        key=b"abcd",
        name="tea",
        best=Level(price=1, size=2),
        levels=(Level(1), Level(2)),
        note="note",
    )
    Priced(1, 2, "EUR")
    Priced(price=1)


def fields_have_the_types_of_their_values() -> None:
    trade = a_trade()
    assert_type(trade.price, int)
    assert_type(trade.wide, int)
    assert_type(trade.ratio, float)
    assert_type(trade.on, bool)
    assert_type(trade.side, Side)
    assert_type(trade.amount, Decimal)
    assert_type(trade.key, bytes)
    assert_type(trade.name, str)
    assert_type(trade.best, Level)
    assert_type(trade.best.price, int)
    assert_type(trade.counts, tuple[int, ...])
    assert_type(trade.limit, int | None)
    assert_type(trade.chosen, int | None)
    assert_type(trade.levels, Sequence[Level])
    assert_type([level.size for level in trade.levels], list[int])
    assert_type(trade.note, str)
    assert_type(trade.is_cheap, bool)


def reading_gives_the_class_that_reads() -> None:
    data = bytes(a_trade())
    assert_type(Trade.ref_from(data), Trade)
    assert_type(Trade.ref_from(data, 0, len(data)), Trade)
    assert_type(Trade.read_from(bytearray(data), offset=0), Trade)
    assert_type(Trade.ref_from_validated(memoryview(data)), Trade)
    assert_type(Priced.ref_from(bytes(Priced(1))), Priced)
    assert_type(Level.ref_from(array("b", bytes(Level(1)))).price, int)


def copies_have_the_same_class() -> None:
    trade = a_trade()
    assert_type(trade.replace(price=6), Trade)
    assert_type(trade.to_owned(), Trade)
    assert_type(Trade.from_dict(trade.to_dict()), Trade)
    assert_type(Trade.from_json(trade.to_json()), Trade)


def bytes_are_written_and_counted() -> None:
    buffer = bytearray(200)
    assert_type(a_trade().as_bytes(), memoryview)
    assert_type(a_trade().write_into(buffer, 8), int)
    assert_type(Level.emplace(buffer, 0, price=1), int)
    assert_type(bytes(a_trade()), bytes)


def any_message_class_can_be_a_parameter() -> None:
    def read(message_type: type[M], data: bytes) -> M:
        return message_type.ref_from(data)

    assert_type(read(Level, bytes(Level(1))), Level)


def a_message_matches_by_position() -> None:
    match Level(1, 2):
        case Level(price, size=size):
            assert_type(price, int)
            assert_type(size, int)


def a_class_tells_its_layout() -> None:
    assert_type(Trade.layout, Layout)
    assert_type(Trade.type_id, int | None)
    assert_type(Trade.layout["price"].offset, int)


def a_layout_known_at_run_time_is_a_message_class() -> None:
    assert_type(define_tlv("Known", {"x": (u8, 0)}), type[Any])


PROGRAMS = (
    construction_takes_fields_by_position_and_by_name,
    fields_have_the_types_of_their_values,
    reading_gives_the_class_that_reads,
    copies_have_the_same_class,
    bytes_are_written_and_counted,
    any_message_class_can_be_a_parameter,
    a_message_matches_by_position,
    a_class_tells_its_layout,
    a_layout_known_at_run_time_is_a_message_class,
)
