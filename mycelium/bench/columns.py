"""Contests over columns: one field of the trades of a frame, summed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from tlv import Batch, read_frame
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .frames import FRAME_HEADER, FRAME_MESSAGES, RECORD, frame_of_trades, trade_values
from .timing import expect, looped

__all__ = ["LONG_FRAME_MESSAGES", "columns", "long_columns"]

LONG_FRAME_MESSAGES = 100_000

_NAMES = ("type", "version", "flags", "length", "price", "quantity", "timestamp", "venue_id", "padding")
_FORMATS = ("<u2", "u1", "u1", "<u4", "<i8", "<i8", "<i8", "<u4", "V4")
#: Where the first trade of a frame lies, and how far it is to the next.
_START, _STRIDE = FRAME_HEADER.size + 8, RECORD.size

#: Takes a frame and returns what sums the prices of its trades.
Summing = Callable[[bytes], Callable[[], Any]]


def columns() -> Contest:
    """The columns of a frame of 1,000."""
    return _contest("columns", FRAME_MESSAGES, rounds=101)


def long_columns() -> Contest:
    """The columns of a frame of 100,000, in which the bytes weigh more than the calls."""
    return _contest("long_columns", LONG_FRAME_MESSAGES, rounds=21)


@cache
def _frame(count: int) -> bytes:
    """One for all contestants: with a frame for each, some lay in the caches of the processor and some did not."""
    return frame_of_trades(count)


def _contest(name: str, count: int, rounds: int) -> Contest:
    def summed(name: str, prepare: Summing, **kwargs: Any) -> Contestant:
        def measured() -> Measure:
            total = prepare(_frame(count))
            expect(name, int(total()), sum(values[0] for values in trade_values(count)))
            return looped(total, count)

        return Contestant(name, measured, **kwargs)

    return Contest(
        name=name,
        question=f"What does a message cost when one field of a frame of {count:,} is summed?",
        contestants=(
            summed("Batch.column, sum", _of_batch, ours=True, needs="numpy"),
            summed("Batch.over, column, sum", _of_new_batch, ours=True, needs="numpy"),
            summed("read_frame, Batch.column, sum", _of_frame, ours=True, needs="numpy"),
            summed("numpy array, sum", _of_array, needs="numpy"),
            summed("numpy.frombuffer, sum", _of_new_array, needs="numpy"),
            summed("struct.iter_unpack, sum", _of_records),
        ),
        references=("numpy array, sum", "numpy.frombuffer, sum", "struct.iter_unpack, sum"),
        count=2 * count,
        rounds=rounds,
        note="in the first row the batch is there, as is the strided array of numpy; "
        "in the second both are made each time; in the third the frame is read and checked too",
    )


def _of_batch(frame: bytes) -> Callable[[], Any]:
    (batch,) = read_frame(frame).batches()
    return lambda: batch.column("price").sum()


def _of_new_batch(frame: bytes) -> Callable[[], Any]:
    return lambda: Batch.over(TradeTLV, frame, _START, stride=_STRIDE).column("price").sum()


def _of_frame(frame: bytes) -> Callable[[], Any]:
    return lambda: sum(batch.column("price").sum() for batch in read_frame(frame).batches())


def _of_array(frame: bytes) -> Callable[[], Any]:
    prices = _array(frame)()
    return lambda: prices.sum()  # noqa: PLW0108 - called in the way that ours is


def _of_new_array(frame: bytes) -> Callable[[], Any]:
    array = _array(frame)
    return lambda: array().sum()


def _array(frame: bytes) -> Callable[[], Any]:
    np: Any = import_module("numpy")
    payload = memoryview(frame)[FRAME_HEADER.size :]
    dtype = np.dtype({"names": list(_NAMES), "formats": list(_FORMATS)})
    return lambda: np.frombuffer(payload, dtype)["price"]


def _of_records(frame: bytes) -> Callable[[], Any]:
    payload = memoryview(frame)[FRAME_HEADER.size :]
    return lambda: sum(record[4] for record in RECORD.iter_unpack(payload))
