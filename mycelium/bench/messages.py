"""Contests over single messages: making one, reading one in place, reading one field."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .timing import snippet

__all__ = ["VALUES", "Record", "Trade", "construction", "field_access", "packer", "parsing"]

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


def construction() -> Contest:
    """Four integers become a message."""
    price, quantity, timestamp, venue_id = VALUES

    def made(call: str) -> Callable[[], Measure]:
        names: dict[str, Any] = {"TradeTLV": TradeTLV, "Trade": Trade, "pack": packer.pack}
        names |= {"price": price, "quantity": quantity, "timestamp": timestamp, "venue_id": venue_id}
        return lambda: snippet(call, **names)

    positional = "(price, quantity, timestamp, venue_id)"
    keyword = "(price=price, quantity=quantity, timestamp=timestamp, venue_id=venue_id)"
    return Contest(
        name="construction",
        question="What does it cost to make a message of four integers?",
        contestants=(
            Contestant("TradeTLV, keyword", made("TradeTLV" + keyword), ours=True),
            Contestant("TradeTLV, positional", made("TradeTLV" + positional), ours=True),
            Contestant("tuple", made(positional)),
            Contestant("dataclass(slots), keyword", made("Trade" + keyword)),
            Contestant("dataclass(slots), positional", made("Trade" + positional)),
            Contestant("struct.pack", made("pack" + positional)),
        ),
        references=("struct.pack", "dataclass(slots), keyword"),
        count=2_000,
        rounds=101,
        note="a tuple and a dataclass are objects without bytes; struct.pack gives bytes without fields",
    )


def parsing() -> Contest:
    """The record at byte 3,200 of a buffer: find it, read two of its fields."""
    data = packer.pack(*VALUES) * 1_000
    names: dict[str, Any] = {"TradeTLV": TradeTLV, "Record": Record, "unpack_from": packer.unpack_from}
    names |= {"data": data, "buffer": bytearray(data)}

    def read(statement: str) -> Callable[[], Measure]:
        return lambda: snippet(statement, **names)

    return Contest(
        name="parsing",
        question="What does it cost to read two fields of a record in a buffer?",
        contestants=(
            Contestant("ref_from, bytes", read("t = TradeTLV.ref_from(data, 3200); t.price; t.quantity"), ours=True),
            Contestant(
                "ref_from, bytearray", read("t = TradeTLV.ref_from(buffer, 3200); t.price; t.quantity"), ours=True
            ),
            Contestant("struct.unpack_from", read("t = unpack_from(data, 3200); t[0]; t[1]")),
            Contestant("ctypes.from_buffer", read("t = Record.from_buffer(buffer, 3200); t.price; t.quantity")),
        ),
        references=("struct.unpack_from", "ctypes.from_buffer"),
        count=2_000,
        rounds=101,
    )


def field_access() -> Contest:
    """One integer field of a message that is there already."""
    data = packer.pack(*VALUES) * 2
    price = struct.Struct("<q")

    def read(statement: str, record: Any) -> Callable[[], Measure]:
        return lambda: snippet(statement, t=record, data=data, unpack_from=price.unpack_from)

    return Contest(
        name="field",
        question="What does it cost to read one integer field?",
        contestants=(
            Contestant("TradeTLV, owned", read("t.price", TradeTLV(*VALUES)), ours=True),
            Contestant("TradeTLV, view", read("t.price", TradeTLV.ref_from(data, 32)), ours=True),
            Contestant("tuple", read("t[0]", VALUES)),
            Contestant("dataclass(slots)", read("t.price", Trade(*VALUES))),
            Contestant("struct.unpack_from", read("unpack_from(data, 32)[0]", None)),
            Contestant("ctypes", read("t.price", Record(*VALUES))),
        ),
        references=("dataclass(slots)", "ctypes"),
        count=2_000,
        rounds=101,
    )
