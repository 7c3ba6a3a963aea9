"""The contest over calls of the allocators: what an operation asks for, also where it gives it back at once."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

from tlv import TLV, read_frame
from tlv.market_data import TradeTLV

from .allocator_calls import Operation, count_allocations
from .contest import Contest, Contestant, Figure, Measure
from .frames import FRAME_MESSAGES, frame_of_trades
from .messages import VALUES, Record, Trade, packer
from .units import CALLS

__all__ = ["AS_BYTES", "DISPATCH", "OWN", "REF_FROM", "VALIDATE", "hot_path"]

OWN = Figure("calls", CALLS)
BOXING = Figure("calls for boxed integers", CALLS)

REF_FROM = "ref_from, bytes"
VALIDATE = "ref_from_validated"
AS_BYTES = "as_bytes"
DISPATCH = "Frame.dispatch"

_HOOK = "mycelium.bench._allocator_hook"
_CTYPES = "ctypes.from_buffer, two fields"


def hot_path() -> Contest:
    """What happens to a message on its way, and the same with what Python has."""
    price, quantity, timestamp, venue_id = VALUES
    data = packer.pack(*VALUES) * 1_000
    changing, target, window = bytearray(data), bytearray(packer.size), memoryview(data)
    trade, view = TradeTLV(*VALUES), TradeTLV.ref_from(data, 3200)

    def two_fields() -> None:
        read = TradeTLV.ref_from(data, 3200)
        read.price  # noqa: B018 - the read is what is counted
        read.quantity  # noqa: B018

    def two_of_a_tuple() -> None:
        read = packer.unpack_from(data, 3200)
        read[0]
        read[1]

    def two_of_ctypes() -> None:
        read = Record.from_buffer(changing, 3200)
        read.price  # noqa: B018
        read.quantity  # noqa: B018

    def as_bytes() -> None:
        view.as_bytes()

    def ours(name: str, operation: Operation, integers: int = 0) -> Contestant:
        return Contestant(name, lambda: _calls(operation, integers), ours=True, needs=_HOOK)

    def theirs(name: str, operation: Operation, integers: int = 0) -> Contestant:
        return Contestant(name, lambda: _calls(operation, integers), needs=_HOOK)

    return Contest(
        name="allocator_calls",
        question="How often does an operation call an allocator of CPython?",
        contestants=(
            ours("TradeTLV, positional", lambda: TradeTLV(price, quantity, timestamp, venue_id)),
            ours(
                "TradeTLV, keyword",
                lambda: TradeTLV(price=price, quantity=quantity, timestamp=timestamp, venue_id=venue_id),
            ),
            ours(REF_FROM, lambda: TradeTLV.ref_from(data, 3200)),
            Contestant("ref_from, mapped file", lambda: _calls(_mapped(data)), ours=True, needs=_HOOK),
            ours("ref_from, two fields", two_fields, 2),
            ours(VALIDATE, lambda: TradeTLV.ref_from_validated(data, 3200)),
            ours(AS_BYTES, as_bytes),
            ours("write_into", lambda: trade.write_into(target)),
            ours("hash", lambda: hash(trade), 1),
            Contestant(DISPATCH, _dispatched, ours=True, needs=_HOOK),
            Contestant("read_frame, dispatch", _read_and_dispatched, ours=True, needs=_HOOK),
            theirs("tuple", lambda: (price, quantity, timestamp, venue_id)),
            theirs("dataclass(slots), positional", lambda: Trade(price, quantity, timestamp, venue_id)),
            theirs("struct.pack", lambda: packer.pack(price, quantity, timestamp, venue_id)),
            theirs("struct.unpack_from, two of it", two_of_a_tuple, 3),
            theirs(_CTYPES, two_of_ctypes, 2),
            theirs("memoryview, a slice", lambda: window[3200:3232]),
        ),
        references=(_CTYPES,),
        figures=(OWN, BOXING),
        count=FRAME_MESSAGES,
        rounds=2,
        note=(
            "malloc, calloc, realloc and free each count as a call; what a freelist gives does not, so the tuples are "
            "CPython's; a frame's calls are shared by its 1,000 messages"
        ),
    )


def _calls(operation: Operation, integers: int = 0) -> Measure:
    """Counts an operation that yields so many integers beyond the small ones."""

    def measure(count: int) -> tuple[float, float]:
        calls = count_allocations(operation, count, boxing=_boxing(integers))
        return calls.own_each, calls.boxing_each

    return measure


def _boxing(integers: int) -> Operation | None:
    """CPython's way to so many integers, none of which is kept."""
    large = VALUES[0]
    ways: tuple[Operation | None, ...] = (
        None,
        lambda: large + 1,
        lambda: large + 1 < large + 2,
        lambda: large + 1 < large + 2 < large + 3,
    )
    return ways[integers]


def _mapped(data: bytes) -> Operation:
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    return lambda: TradeTLV.ref_from(mapped, 3200)


def _dispatched() -> Measure:
    frame = read_frame(frame_of_trades())
    handlers = _handlers()
    return _shared(lambda: frame.dispatch(handlers))


def _read_and_dispatched() -> Measure:
    data = frame_of_trades()
    handlers = _handlers()
    return _shared(lambda: read_frame(data).dispatch(handlers))


def _handlers() -> dict[type[TLV], Callable[[Any], object]]:
    return {TradeTLV: lambda trade: None}


def _shared(operation: Operation) -> Measure:
    """Counts an operation over a frame, which also returns the number of its messages."""

    def measure(count: int) -> tuple[float, float]:
        frames = max(1, count // FRAME_MESSAGES)
        calls = count_allocations(operation, frames, boxing=_boxing(1), warm_up=10)
        return calls.own_each / FRAME_MESSAGES, calls.boxing_each / FRAME_MESSAGES

    return measure
