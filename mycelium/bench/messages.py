"""The trade of the benches: what it is in the words of `struct`, of `ctypes` and of a dataclass."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass

__all__ = ["VALUES", "Record", "Trade", "packer"]

#: A trade as it comes from an exchange: integers that CPython does not keep ready-made.
VALUES = (3_943_248_000_000, -12_500_000, 1_700_000_000_123_456_789, 101)

#: The layout of TradeTLV, in the words of `struct`.
packer = struct.Struct("<qqqI4x")


@dataclass(slots=True)
class Trade:
    """What one writes without a message layer."""

    price: int
    quantity: int
    timestamp: int
    venue_id: int


class Record(ctypes.LittleEndianStructure):
    """The same layout, in the words of `ctypes`."""

    _pack_ = 1
    _fields_ = (
        ("price", ctypes.c_int64),
        ("quantity", ctypes.c_int64),
        ("timestamp", ctypes.c_int64),
        ("venue_id", ctypes.c_uint32),
        ("padding", ctypes.c_char * 4),
    )
