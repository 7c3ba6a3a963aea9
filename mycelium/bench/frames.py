"""Contests over frames of 1,000 trades: writing one, walking one into a handler, reading it as columns."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tlv import TLV, FrameWriter, read_frame
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .messages import VALUES
from .timing import looped

__all__ = ["FRAME_MESSAGES", "columns", "dispatch", "frame_of_trades", "trade_values", "writing"]

FRAME_MESSAGES = 1_000

_HEADER = struct.Struct("<IBBHQQII")
#: A TLV header and a TradeTLV, in the words of `struct`.
_RECORD = struct.Struct("<HBBIqqqI4x")


def trade_values() -> list[tuple[int, int, int, int]]:
    """The fields of the trades of a frame, all different."""
    price, quantity, timestamp, venue_id = VALUES
    return [(price + 1_000 * i, quantity + i, timestamp + i, venue_id) for i in range(FRAME_MESSAGES)]


def frame_of_trades() -> bytes:
    """A frame with a checksum."""
    writer = FrameWriter()
    for values in trade_values():
        writer.append(TradeTLV(*values))
    return bytes(writer.finish())


def writing() -> Contest:
    """Trades become the bytes of a frame, checksum included."""
    return Contest(
        name="writing",
        question="What does a message cost in a frame of 1,000 that is written?",
        contestants=(
            Contestant("FrameWriter.append", lambda: looped(_appending()), ours=True),
            Contestant("FrameWriter.emplace", lambda: looped(_emplacing()), ours=True),
            Contestant("struct.pack_into", lambda: looped(_packing())),
        ),
        references=("struct.pack_into",),
        count=FRAME_MESSAGES,
        rounds=101,
        note="append copies messages that are there already; the others start from four integers",
    )


def dispatch() -> Contest:
    """Each message of a frame meets a Python function that reads two of its fields."""
    return Contest(
        name="dispatch",
        question="What does a message cost from a frame of 1,000 into a handler that reads two fields?",
        contestants=(
            Contestant("read_frame, dispatch", lambda: looped(_dispatching()), ours=True),
            Contestant("read_frame, for", lambda: looped(_iterating()), ours=True),
            Contestant("struct.iter_unpack, for", lambda: looped(_unpacking())),
        ),
        references=("struct.iter_unpack, for",),
        count=FRAME_MESSAGES,
        rounds=101,
        note="ours also checks the frame's checksum and each header",
    )


def columns() -> Contest:
    """One field of all messages of a frame, summed."""

    def numpy_sum(sums: Callable[[Any], Callable[[], int]]) -> Callable[[], Measure]:
        def prepare() -> Measure:
            import numpy as np

            return looped(sums(np))

        return prepare

    return Contest(
        name="columns",
        question="What does a message cost when one field of a frame of 1,000 is summed?",
        contestants=(
            Contestant("Batch.column, sum", numpy_sum(_summing_column), ours=True, needs="numpy"),
            Contestant("read_frame, Batch.column, sum", numpy_sum(_summing_frame), ours=True, needs="numpy"),
            Contestant("numpy.frombuffer, sum", numpy_sum(_summing_array), needs="numpy"),
            Contestant("struct.iter_unpack, sum", lambda: looped(_summing_records())),
        ),
        references=("numpy.frombuffer, sum", "struct.iter_unpack, sum"),
        count=2 * FRAME_MESSAGES,
        rounds=101,
    )


def _appending() -> Callable[[], int]:
    trades = [TradeTLV(*values) for values in trade_values()]
    writer = FrameWriter()

    def work() -> int:
        append = writer.append
        for trade in trades:
            append(trade)
        writer.finish()
        return FRAME_MESSAGES

    return work


def _emplacing() -> Callable[[], int]:
    rows = trade_values()
    writer = FrameWriter()

    def work() -> int:
        emplace = writer.emplace
        for price, quantity, timestamp, venue_id in rows:
            emplace(TradeTLV, price, quantity, timestamp, venue_id)
        writer.finish()
        return FRAME_MESSAGES

    return work


def _packing() -> Callable[[], int]:
    rows = trade_values()
    buffer = bytearray(_HEADER.size + FRAME_MESSAGES * _RECORD.size)
    payload_size = FRAME_MESSAGES * _RECORD.size

    def work() -> int:
        pack_into = _RECORD.pack_into
        at = _HEADER.size
        for price, quantity, timestamp, venue_id in rows:
            pack_into(buffer, at, 1, 1, 0, 32, price, quantity, timestamp, venue_id)
            at += 40
        _HEADER.pack_into(buffer, 0, 0, 1, 1, 0, 0, 0, payload_size, zlib.crc32(buffer))
        bytes(buffer)
        return FRAME_MESSAGES

    return work


def _handler() -> Callable[[Any], None]:
    def on_trade(trade: TradeTLV) -> None:
        trade.price  # noqa: B018 - the read is what is measured
        trade.quantity  # noqa: B018

    return on_trade


def _dispatching() -> Callable[[], int]:
    data = frame_of_trades()
    handlers: dict[type[TLV], Callable[[Any], None]] = {TradeTLV: _handler()}
    return lambda: read_frame(data).dispatch(handlers)


def _iterating() -> Callable[[], int]:
    data = frame_of_trades()
    on_trade = _handler()

    def work() -> int:
        for trade in read_frame(data):
            on_trade(trade)
        return FRAME_MESSAGES

    return work


def _unpacking() -> Callable[[], int]:
    records = _records()

    def on_record(record: tuple[int, ...]) -> None:
        record[4]
        record[5]

    def work() -> int:
        for record in records():
            on_record(record)
        return FRAME_MESSAGES

    return work


def _records() -> Callable[[], Iterator[tuple[Any, ...]]]:
    payload = memoryview(frame_of_trades())[_HEADER.size :]
    return lambda: _RECORD.iter_unpack(payload)


def _summing_frame(np: Any) -> Callable[[], int]:
    del np  # ours imports it when the first column is asked for
    data = frame_of_trades()

    def work() -> int:
        for batch in read_frame(data).batches():
            batch.column("price").sum()
        return FRAME_MESSAGES

    return work


def _summing_column(np: Any) -> Callable[[], int]:
    del np
    batch = next(iter(read_frame(frame_of_trades()).batches()))

    def work() -> int:
        batch.column("price").sum()
        return FRAME_MESSAGES

    return work


def _summing_array(np: Any) -> Callable[[], int]:
    payload = memoryview(frame_of_trades())[_HEADER.size :]
    names = ["type", "version", "flags", "length", "price", "quantity", "timestamp", "venue_id", "padding"]
    formats = ["<u2", "u1", "u1", "<u4", "<i8", "<i8", "<i8", "<u4", "V4"]
    dtype = np.dtype({"names": names, "formats": formats})

    def work() -> int:
        np.frombuffer(payload, dtype)["price"].sum()
        return FRAME_MESSAGES

    return work


def _summing_records() -> Callable[[], int]:
    records = _records()

    def work() -> int:
        sum(record[4] for record in records())
        return FRAME_MESSAGES

    return work
