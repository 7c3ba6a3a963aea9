"""Messages declared without ``from __future__ import annotations``: their annotations are objects, not text."""

from decimal import Decimal
from enum import IntEnum
from typing import Annotated, ClassVar, Optional, Union

from annotated_types import Gt

from tlv import TLV, Doc, Group, Null, Scaled, Size, f32, i64, i256, pad, padding, u8, u32

Price = Annotated[i64, Gt(0), Doc("what it costs", unit="cent")]


class Side(IntEnum):
    BUY = 1


class Level(TLV):
    price: Price
    size: u32 = 0


class Everything(TLV, type=1000, version=2):
    LIMIT: ClassVar[int] = 5

    price: Annotated[Price, Doc(source="exchange")]
    wide: i256
    ratio: f32
    on: bool
    _padding: pad[3] = padding()
    side: Annotated[Side, u8]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    key: Annotated[bytes, Size(4)]
    name: Annotated[str, Size(4)]
    best: Level
    last: Annotated[tuple[Level, ...], Size(2)]
    counts: Annotated[tuple[u8, ...], Size(3)]
    limit: i64 | None
    old: Optional[Price]  # noqa: UP045
    older: Union[u8, None]  # noqa: UP007
    chosen: Annotated[i64 | None, Null(-1)]
    levels: Group[Level] = ()
    quoted: Group["Level"] = ()
    later: "u8" = 7
    note: str = ""
    data: bytes = b""
