"""Contests over frames of 1,000 trades: writing one, and walking one into a handler."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

from tlv import TLV, FrameWriter, read_frame
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .messages import VALUES
from .timing import expect, looped

__all__ = ["FRAME_HEADER", "FRAME_MESSAGES", "RECORD", "dispatch", "frame_of_trades", "trade_values", "writing"]

FRAME_MESSAGES = 1_000

FRAME_HEADER = struct.Struct("<IBBHQQII")
#: A TLV header and a TradeTLV, in the words of `struct`.
RECORD = struct.Struct("<HBBIqqqI4x")

#: Calls a handler with each record of a frame.
Walk = Callable[[Callable[[Any], None]], object]


def trade_values(count: int = FRAME_MESSAGES) -> list[tuple[int, int, int, int]]:
    """The fields of the trades of a frame, all different."""
    price, quantity, timestamp, venue_id = VALUES
    return [(price + 1_000 * i, quantity + i, timestamp + i, venue_id) for i in range(count)]


def frame_of_trades(count: int = FRAME_MESSAGES) -> bytes:
    """A frame with a checksum."""
    writer = FrameWriter()
    for values in trade_values(count):
        writer.append(TradeTLV(*values))
    return bytes(writer.finish())


def writing() -> Contest:
    """Trades become the bytes of a frame, checksum included."""

    def written(name: str, prepare: Callable[[], Callable[[], bytes]], *, ours: bool = False) -> Contestant:
        def measured() -> Measure:
            work = prepare()
            expect(name, [one[4:8] for one in RECORD.iter_unpack(work()[FRAME_HEADER.size :])], trade_values())
            return looped(work, FRAME_MESSAGES)

        return Contestant(name, measured, ours=ours)

    return Contest(
        name="writing",
        question="What does a message cost in a frame of 1,000 that is written?",
        contestants=(
            written("FrameWriter.append", _appending, ours=True),
            written("FrameWriter.emplace", _emplacing, ours=True),
            written("struct.pack_into", _packing),
        ),
        references=("struct.pack_into",),
        count=FRAME_MESSAGES,
        rounds=101,
        note="append copies messages that are there already; the others start from four integers",
    )


def dispatch() -> Contest:
    """Each message of a frame meets a Python function that reads two of its fields."""

    def on_trade(trade: Any) -> None:
        trade.price  # noqa: B018 - the read is what is measured
        trade.quantity  # noqa: B018

    def on_record(record: Any) -> None:
        record[4]
        record[5]

    def handled(name: str, walk: Walk, *, ours: bool = False) -> Contestant:
        def prepare() -> Measure:
            seen: list[tuple[int, int]] = []
            walk(lambda one: seen.append((one.price, one.quantity) if ours else one[4:6]))
            expect(name, seen, [values[:2] for values in trade_values()])
            handler = on_trade if ours else on_record
            return looped(lambda: walk(handler), FRAME_MESSAGES)

        return Contestant(name, prepare, ours=ours)

    data = frame_of_trades()
    payload = memoryview(data)[FRAME_HEADER.size :]

    def dispatched(handler: Callable[[Any], None]) -> None:
        handlers: dict[type[TLV], Callable[[Any], object]] = {TradeTLV: handler}
        read_frame(data).dispatch(handlers)

    def iterated(handler: Callable[[Any], None]) -> None:
        for trade in read_frame(data):
            handler(trade)

    def in_batches(handler: Callable[[Any], None]) -> None:
        for batch in read_frame(data).batches():
            for trade in batch:
                handler(trade)

    def unpacked(handler: Callable[[Any], None]) -> None:
        for record in RECORD.iter_unpack(payload):
            handler(record)

    return Contest(
        name="dispatch",
        question="What does a message cost from a frame of 1,000 into a handler that reads two fields?",
        contestants=(
            handled("read_frame, dispatch", dispatched, ours=True),
            handled("read_frame, for", iterated, ours=True),
            handled("read_frame, batches, for", in_batches, ours=True),
            handled("struct.iter_unpack, for", unpacked),
        ),
        references=("struct.iter_unpack, for",),
        count=FRAME_MESSAGES,
        rounds=101,
        note="ours also checks the frame's checksum and each header",
    )


def _appending() -> Callable[[], bytes]:
    trades = [TradeTLV(*values) for values in trade_values()]
    writer = FrameWriter()

    def work() -> bytes:
        append = writer.append
        for trade in trades:
            append(trade)
        return bytes(writer.finish())

    return work


def _emplacing() -> Callable[[], bytes]:
    rows = trade_values()
    writer = FrameWriter()

    def work() -> bytes:
        emplace = writer.emplace
        for price, quantity, timestamp, venue_id in rows:
            emplace(TradeTLV, price, quantity, timestamp, venue_id)
        return bytes(writer.finish())

    return work


def _packing() -> Callable[[], bytes]:
    rows = trade_values()
    buffer = bytearray(FRAME_HEADER.size + FRAME_MESSAGES * RECORD.size)
    payload_size = FRAME_MESSAGES * RECORD.size

    def work() -> bytes:
        pack_into = RECORD.pack_into
        at = FRAME_HEADER.size
        for price, quantity, timestamp, venue_id in rows:
            pack_into(buffer, at, 1, 1, 0, 32, price, quantity, timestamp, venue_id)
            at += 40
        FRAME_HEADER.pack_into(buffer, 0, 0, 1, 1, 0, 0, 0, payload_size, zlib.crc32(buffer))
        return bytes(buffer)

    return work
