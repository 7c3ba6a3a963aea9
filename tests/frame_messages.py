"""Small messages for tests of frames and batches: of every alignment, with and without variable data."""

from __future__ import annotations

from tlv import TLV, Group, i64, pad, padding, u8, u32


class Tick(TLV, type=1000):
    """12 bytes: its payload is filled up with 4 zeros."""

    price: i64
    venue_id: u32


class Flag(TLV, type=1001):
    """One byte."""

    value: u8


class Level(TLV):
    price: i64
    size: u32
    _padding: pad[4] = padding()


class Note(TLV, type=1002):
    """Text of any length and a group."""

    number: u32
    text: str = ""
    levels: Group[Level] = ()


class Heartbeat(TLV, type=1003):
    """No bytes at all."""


MESSAGES: tuple[type[TLV], ...] = (Tick, Flag, Note, Heartbeat)
