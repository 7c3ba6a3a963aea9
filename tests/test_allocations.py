"""No operation of the hot path calls an allocator, counted by a hook on all three domains of CPython."""

from __future__ import annotations

import array
import mmap
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Annotated, Any

import annotated_types as at
import pytest

from mycelium.bench import AllocatorCalls, allocator_calls, count_allocations, is_hook_built
from mycelium.errors import AllocatorHookError
from tlv import TLV, FrameWriter, Size, f64, i64, i256, implementation, read_frame, u8, u32
from tlv.market_data import TradeTLV

hooked = pytest.mark.skipif(not is_hook_built(), reason="the hook that counts was not built: no C compiler")
native_only = pytest.mark.skipif(implementation.running != "native", reason="only the compiled core allocates nothing")
# From 3.14 on CPython keeps boxed integers on a freelist.
BOX_CALLS = 2 if sys.version_info < (3, 14) else 0
COUNT = 200

Operation = Callable[[], object]


@pytest.fixture(autouse=True)
def _without_a_tracer() -> Iterator[None]:
    """What measures coverage allocates for each line."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def counted(operation: Operation, **options: Any) -> AllocatorCalls:
    return count_allocations(operation, COUNT, **options)


# ---- the hook itself


@hooked
def test_the_loop_that_measures_calls_no_allocator() -> None:
    assert counted(lambda: None).total == 0


@hooked
def test_bytes_are_seen_in_the_domain_of_objects() -> None:
    calls = counted(lambda: bytes(100))
    assert calls.object.calloc + calls.object.malloc == calls.object.free == COUNT
    assert calls.total == 2 * COUNT
    assert calls.own_each == 2.0


@hooked
@pytest.mark.skipif("PYTHONMALLOC" in os.environ, reason="another allocator takes blocks of any size")
def test_a_large_block_is_seen_where_it_was_asked_and_where_it_was_handed_on_to() -> None:
    calls = counted(lambda: bytes(1000))
    assert calls.object.total == calls.raw.total == 2 * COUNT


@hooked
def test_a_list_that_grows_is_seen_in_the_domain_of_memory() -> None:
    kept: list[None] = []
    assert count_allocations(lambda: kept.append(None), 10_000, warm_up=0).mem.realloc > 10


@hooked
def test_what_zlib_asks_is_seen_in_the_raw_domain() -> None:
    calls = counted(lambda: zlib.compress(b"x"))
    assert calls.raw.malloc == calls.raw.free >= COUNT


@hooked
def test_an_integer_that_cpython_boxes_is_told_apart() -> None:
    large = 1 << 40
    calls = counted(lambda: large + 2, boxing=lambda: large + 1)
    assert calls.own == 0
    assert calls.boxing == calls.total == BOX_CALLS * COUNT
    assert counted(lambda: (large + 2, bytes(100)), boxing=lambda: large + 1).own >= 2 * COUNT


@hooked
def test_another_thread_is_not_counted() -> None:
    ask, done = threading.Lock(), threading.Lock()
    ask.acquire()
    done.acquire()
    made: list[int] = []

    def answer() -> None:
        while ask.acquire() and len(made) < 2 * COUNT:
            made.append(len(bytes(100)))
            done.release()

    def operation() -> None:
        ask.release()
        done.acquire()

    other = threading.Thread(target=answer)
    other.start()
    try:
        calls = counted(operation, warm_up=COUNT)
    finally:
        ask.release()
        other.join()
    assert len(made) == 2 * COUNT
    assert calls.total == 0


@hooked
def test_what_the_operation_raises_comes_through_and_ends_the_count() -> None:
    with pytest.raises(ZeroDivisionError):
        counted(lambda: 1 // 0)
    assert counted(lambda: None).total == 0


@hooked
def test_a_count_within_a_count_is_a_declared_error() -> None:
    with pytest.raises(AllocatorHookError, match=r"BEN-020.*another count runs"):
        counted(lambda: counted(lambda: None))
    assert counted(lambda: None).total == 0


def test_a_hook_that_was_not_built_is_a_declared_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mycelium.bench._allocator_hook", None)
    assert not allocator_calls.is_hook_built()
    with pytest.raises(AllocatorHookError, match=r"BEN-020.*was not built.*C compiler"):
        counted(lambda: None)


# ---- the hot path


class Side(IntEnum):
    BUY = 1


class Inner(TLV):
    value: i64


class Order(TLV, type=3101):
    price: Annotated[i64, at.Gt(0)]
    size: Annotated[i64, at.Ge(0), at.Lt(1 << 50)]
    limit: Annotated[f64, at.Ge(0.0)]
    inner: Inner
    side: Annotated[Side, u8]
    live: bool
    small: u8
    absent: u8 | None


class Checked(TLV, type=3102):
    price: Annotated[i64, at.Gt(0)]
    size: Annotated[u32 | None, at.Lt(1000), at.MultipleOf(5)]
    wide: Annotated[i256, at.Ge(0)]
    limit: Annotated[f64, at.Ge(0.0)]
    side: Annotated[Side, u8]
    live: bool
    address: Annotated[bytes, Size(20)]
    symbol: Annotated[str, Size(12)]
    inner: Inner


VALUES = (1 << 40, -(1 << 41), 1 << 60, 7)
PRICE, QUANTITY, TIMESTAMP, VENUE = VALUES
FRAME_MESSAGES = 100


def mapped_file(data: bytes) -> mmap.mmap:
    mapped = mmap.mmap(-1, len(data))
    mapped[:] = data
    return mapped


def operations() -> dict[str, Operation]:
    """All that happens to a message on its way, by name."""
    trade, other = TradeTLV(*VALUES), TradeTLV.read_from(bytes(TradeTLV(*VALUES)))
    order = Order(1 << 40, 5, 0.5, Inner(3), Side.BUY, True, 4, None)
    checked: Any = Checked(1 << 40, 55, 1 << 200, 0.5, Side.BUY, True, bytes(20), "BTC", Inner(4))
    data, stored = bytes(trade) * 4, bytes(checked)
    changing, target, numbers = bytearray(data), bytearray(64), array.array("B", data)
    mapped = mapped_file(data)
    window, changing_window, mapped_window = memoryview(data), memoryview(changing), memoryview(mapped)
    view = TradeTLV.ref_from(data, 32)
    known = {other: 1}
    whole: Any = trade  # a type checker knows that it is a buffer only from Python 3.12 on
    writer = FrameWriter()
    for _ in range(FRAME_MESSAGES):
        writer.append(trade)
    written = bytes(writer.finish())
    frame, mutable = read_frame(written), read_frame(bytearray(written))
    handlers: dict[type[TLV], Callable[[Any], object]] = {TradeTLV: lambda message: message.as_bytes()}

    def as_bytes_of_a_frame() -> None:
        for message in frame:
            message.as_bytes()

    batch = next(iter(frame.batches()))

    def as_bytes_of_a_batch() -> None:
        for message in batch:
            message.as_bytes()

    def walk_bytearray() -> None:
        for _message in mutable:
            pass

    return {
        "ref_from bytes": lambda: TradeTLV.ref_from(data, 32),
        "ref_from by keyword": lambda: TradeTLV.ref_from(buf=data, offset=32),
        "ref_from bytearray": lambda: TradeTLV.ref_from(changing, 32),
        "ref_from memoryview of bytes": lambda: TradeTLV.ref_from(window, 32),
        "ref_from memoryview of bytearray": lambda: TradeTLV.ref_from(changing_window, 32),
        "ref_from memoryview of a mapped file": lambda: TradeTLV.ref_from(mapped_window, 32),
        "ref_from mapped file": lambda: TradeTLV.ref_from(mapped, 32),
        "ref_from array": lambda: TradeTLV.ref_from(numbers, 32),
        "ref_from message": lambda: TradeTLV.ref_from(whole),
        "ref_from_validated": lambda: Checked.ref_from_validated(stored),
        "validate": lambda: checked.validate() is None,
        "read_from": lambda: TradeTLV.read_from(data),
        "to_owned": lambda: view.to_owned() is None,
        "construct by position": lambda: TradeTLV(PRICE, QUANTITY, TIMESTAMP, VENUE),
        "construct by keyword": lambda: TradeTLV(price=PRICE, quantity=QUANTITY, timestamp=TIMESTAMP, venue_id=VENUE),
        "as_bytes owned": lambda: trade.as_bytes() is None,
        "as_bytes view": lambda: view.as_bytes() is None,
        "as_bytes of each message of a frame": as_bytes_of_a_frame,
        "as_bytes of each message of a batch": as_bytes_of_a_batch,
        "write_into": lambda: trade.write_into(target),
        "write_into at": lambda: trade.write_into(target, offset=8),
        "emplace": lambda: TradeTLV.emplace(target, 0, PRICE, QUANTITY, TIMESTAMP, VENUE),
        "equal": lambda: trade == other,
        "hash and equality in a dict": lambda: known.get(trade),
        "dispatch": lambda: frame.dispatch(handlers),
        "dispatch out of a bytearray": lambda: mutable.dispatch(handlers),
        "iterate": walk_bytearray,
        "field small": lambda: order.small,
        "field float": lambda: order.limit,
        "field bool": lambda: order.live,
        "field enum": lambda: order.side,
        "field absent": lambda: order.absent,
        "field nested": lambda: order.inner,
        "field nested twice": lambda: order.inner.value,
    }


#: What a walk over a frame or a batch costs, however many messages it has: its iterator.
PER_WALK = {
    "iterate": 2,
    "as_bytes of each message of a frame": 2,
    "as_bytes of each message of a batch": 2,
}


@hooked
@native_only
@pytest.mark.parametrize("name", list(operations()))
def test_the_hot_path_calls_no_allocator(name: str) -> None:
    assert counted(operations()[name]).total == PER_WALK.get(name, 0) * COUNT


@hooked
@native_only
@pytest.mark.parametrize("make", [bytes, bytearray, mapped_file])
def test_ref_from_and_two_fields_cost_nothing_but_boxed_integers(make: Callable[[bytes], Any]) -> None:
    data = make(bytes(TradeTLV(*VALUES)))

    def operation() -> None:
        trade = TradeTLV.ref_from(data)
        trade.price
        trade.timestamp

    def boxing() -> None:
        PRICE + 1
        TIMESTAMP + 1

    calls = counted(operation, boxing=boxing)
    assert calls.own == 0
    assert calls.boxing <= 2 * BOX_CALLS * COUNT  # the core writes over an int that nobody else has


@hooked
@native_only
def test_a_handler_that_reads_two_fields_costs_nothing_but_boxed_integers() -> None:
    writer = FrameWriter()
    for _ in range(FRAME_MESSAGES):
        writer.append(TradeTLV(*VALUES))
    frame = read_frame(bytes(writer.finish()))

    def on_trade(trade: TradeTLV) -> None:
        trade.price
        trade.quantity

    calls = counted(lambda: frame.dispatch({TradeTLV: on_trade}), warm_up=50)
    # The table of handlers is a dict that this operation makes.
    table = counted(lambda: {TradeTLV: on_trade})
    assert calls.total - table.total <= 2 * BOX_CALLS * FRAME_MESSAGES * COUNT


@hooked
@native_only
def test_reading_a_frame_costs_the_same_however_long_it_is() -> None:
    def reading(messages: int) -> int:
        writer = FrameWriter()
        for _ in range(messages):
            writer.append(TradeTLV(*VALUES))
        data = bytes(writer.finish())
        handlers: dict[type[TLV], Callable[[Any], object]] = {TradeTLV: lambda message: None}
        # A freelist of CPython that still fills takes a few blocks now and then.
        return round(counted(lambda: read_frame(data).dispatch(handlers), warm_up=3_000).own_each)

    # More than 256 messages: their number, which dispatch() returns, is an integer that CPython boxes.
    assert reading(10) == reading(200) < 60
    assert reading(300) == reading(200) + BOX_CALLS
