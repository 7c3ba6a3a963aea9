"""Messages with every kind of field that there is, to be exported: little-endian, big-endian, and what lies inside."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated

from tlv import (
    TLV,
    Doc,
    Group,
    Null,
    Scaled,
    Size,
    f32,
    f64,
    i8,
    i16,
    i24,
    i32,
    i64,
    i96,
    i128,
    i256,
    pad,
    padding,
    u8,
    u16,
    u40,
    u64,
    u128,
    u160,
    u256,
)


class Side(IntEnum):
    """A side."""

    BUY = 1
    SELL = 2


class Flags(IntFlag):
    """Flags."""

    FAST = 1
    LATE = 128


class Point(TLV):
    """A layout inside others."""

    x: i32
    y: Annotated[i32 | None, Doc("missing */ in one", unit="mm")]
    _padding: pad[1] = padding()


class Everything(TLV, type=1000):
    """A field of every kind."""

    byte: i8
    octet: u8
    short: i16
    odd: i24
    odder: u40
    long: i64
    unsigned: u64
    twelve: i96
    sixteen: i128
    sixteen_u: u128
    twenty: u160
    widest: i256
    widest_u: u256
    single: f32
    double: f64
    maybe: f64 | None
    maybe_single: f32 | None
    flag: bool
    side: Annotated[Side, u8]
    flags: Annotated[Flags, u16]
    maybe_side: Annotated[Side | None, u8]
    price: Annotated[Decimal, Scaled(i64, 8)]
    deep: Annotated[Decimal | None, Scaled(i128, 18)]
    code: Annotated[bytes, Size(5)]
    maybe_code: Annotated[bytes | None, Size(3)]
    text: Annotated[str, Size(7)]
    at: Point
    row: Annotated[tuple[i24, ...], Size(3)]
    points: Annotated[tuple[Point, ...], Size(2)]
    switches: Annotated[tuple[bool, ...], Size(3)]
    grid: Annotated[tuple[Annotated[tuple[u16, ...], Size(2)], ...], Size(2)]
    none_is_seven: Annotated[u64 | None, Null(7)]
    wide_or_none: u256 | None
    _padding: pad[3] = padding()
    corners: Group[Point] = ()
    rest: bytes = b""
    note: str = ""


class Foreign(TLV, type=1001, byteorder="big"):
    """What an exchange sends."""

    odd: i24
    long: i64
    twelve: i96
    widest: i256
    single: f32
    maybe: i64 | None
    row: Annotated[tuple[u16, ...], Size(2)]
    rest: bytes = b""


MESSAGES: tuple[type[TLV], ...] = (Everything, Foreign)
