"""Columns: NumPy arrays over the bytes of messages, compared message by message."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frame_messages import Heartbeat, Tick
from tests.frame_oracle import Tlv, frame_bytes
from tests.market_data_samples import SAMPLES, any_message_of
from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    Batch,
    ColumnsShapeError,
    ColumnsUnavailableError,
    FrameWriter,
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
    i128,
    i256,
    pad,
    padding,
    read_frame,
    u8,
    u16,
    u32,
    u64,
    u96,
    u160,
    u256,
)
from tlv.market_data import MARKET_DATA_MESSAGES, OrderBookTLV, OrderLevel, PoolSwapTLV, TradeTLV


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Traits(IntFlag):
    MAKER = 1
    HIDDEN = 2


class Leg(TLV):
    ratio: i16
    price: i64


class BigLeg(TLV, byteorder="big"):
    ratio: i16
    price: i64


class Everything(TLV, type=1010):
    """Every kind of fixed field, none of them aligned."""

    tiny: i8
    short: u16
    odd: i24
    word: u32
    long: i64
    wide: u96
    wider: i128
    address: u160
    widest: i256
    largest: u256
    single: f32
    double: f64
    flag: bool
    side: Annotated[Side, u8]
    traits: Annotated[Traits, u16]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    exact: Annotated[Decimal, Scaled(i256, 18)]
    key: Annotated[bytes, Size(5)]
    label: Annotated[str, Size(7)]
    leg: Leg
    foreign: BigLeg
    four: Annotated[tuple[i32, ...], Size(4)]
    legs: Annotated[tuple[Leg, ...], Size(2)]
    maybe: i64 | None
    chosen: Annotated[i16 | None, Null(-1)]
    _padding: pad[3] = padding()
    last: u64


class EverythingBig(TLV, type=1011, byteorder="big"):
    """The same in the other byte order."""

    tiny: i8
    short: u16
    odd: i24
    word: u32
    long: i64
    wide: u96
    wider: i128
    address: u160
    widest: i256
    largest: u256
    single: f32
    double: f64
    flag: bool
    side: Annotated[Side, u8]
    traits: Annotated[Traits, u16]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    exact: Annotated[Decimal, Scaled(i256, 18)]
    key: Annotated[bytes, Size(5)]
    label: Annotated[str, Size(7)]
    leg: Leg
    foreign: BigLeg
    four: Annotated[tuple[i32, ...], Size(4)]
    legs: Annotated[tuple[Leg, ...], Size(2)]
    maybe: i64 | None
    chosen: Annotated[i16 | None, Null(-1)]
    _padding: pad[3] = padding()
    last: u64


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def decimals(bits: int, digits: int) -> st.SearchStrategy[Decimal]:
    return signed(bits).map(lambda units: Decimal(f"{units}e-{digits}"))


def legs(kind: type[Leg | BigLeg]) -> st.SearchStrategy[Any]:
    return st.builds(kind, signed(16), signed(64))


values = {
    "tiny": signed(8),
    "short": unsigned(16),
    "odd": signed(24),
    "word": unsigned(32),
    "long": signed(64),
    "wide": unsigned(96),
    "wider": signed(128),
    "address": unsigned(160),
    "widest": signed(256),
    "largest": unsigned(256),
    "single": st.floats(width=32),
    "double": st.floats(),
    "flag": st.booleans(),
    "side": st.sampled_from(Side),
    "traits": st.sampled_from([Traits(0), Traits.MAKER, Traits.MAKER | Traits.HIDDEN]),
    "amount": decimals(64, 8),
    "exact": decimals(256, 18),
    "key": st.binary(min_size=5, max_size=5),
    "label": st.text("abcdefgh", max_size=7),
    "leg": legs(Leg),
    "foreign": legs(BigLeg),
    "four": st.tuples(*[signed(32)] * 4),
    "legs": st.tuples(legs(Leg), legs(Leg)),
    "maybe": st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    "chosen": st.none() | st.integers(0, 2**15 - 1),
    "last": unsigned(64),
}


def whole(order: str, *, is_signed: bool) -> Callable[[Any], int]:
    """From a cell of 64-bit limbs, or of bytes, back to the number."""

    def join(cell: Any) -> int:
        width = cell.dtype.itemsize
        parts = [int(limb).to_bytes(width, "little") for limb in (cell if order == "little" else cell[::-1])]
        return int.from_bytes(b"".join(parts), "little", signed=is_signed)

    return join


def same(cell: Any, value: Any) -> bool:
    return bool(cell == value) or (math.isnan(cell) and math.isnan(value))


def check_everything(batch: Batch[Any], order: str) -> None:
    columns = batch.columns()
    assert len(columns) == len(batch)
    for row, message in zip(columns, batch, strict=True):
        for name in ("tiny", "short", "word", "long", "flag", "side", "traits", "last"):
            assert row[name] == getattr(message, name)
        for name in ("single", "double"):
            assert same(row[name], getattr(message, name))
        for name in ("amount", "maybe", "chosen"):
            assert row[name] == message.raw(name)
        for name, is_signed in {
            "odd": True,
            "wide": False,
            "wider": True,
            "address": False,
            "widest": True,
            "largest": False,
        }.items():
            assert whole(order, is_signed=is_signed)(row[name]) == getattr(message, name)
        assert whole(order, is_signed=True)(row["exact"]) == message.raw("exact")
        assert bytes(row["key"]) == message.key
        assert row["label"] == message.label.encode()
        assert tuple(row["four"]) == message.four
        for name in ("leg", "foreign"):
            assert tuple(row[name]) == (getattr(message, name).ratio, getattr(message, name).price)
        assert [tuple(leg) for leg in row["legs"]] == [(leg.ratio, leg.price) for leg in message.legs]


@settings(max_examples=60)
@given(st.lists(st.builds(Everything, **values), min_size=1, max_size=4))
def test_every_kind_of_column_holds_what_the_messages_say(messages: list[Everything]) -> None:
    check_everything(batch_of(*messages), "little")
    check_everything(Batch.of(messages), "little")


@settings(max_examples=60)
@given(st.lists(st.builds(EverythingBig, **values), min_size=1, max_size=4))
def test_every_kind_of_big_endian_column_holds_what_the_messages_say(messages: list[EverythingBig]) -> None:
    check_everything(batch_of(*messages), "big")
    check_everything(Batch.of(messages), "big")


@pytest.mark.parametrize("message_type", MARKET_DATA_MESSAGES, ids=lambda kind: kind.__name__)
def test_columns_of_market_data_hold_what_the_messages_say(message_type: type[TLV]) -> None:
    @settings(max_examples=5)
    @given(st.lists(any_message_of(message_type), min_size=1, max_size=3))
    def check(messages: list[TLV]) -> None:
        fixed = [field for field in message_type.layout if not field.is_padding and not field.is_variable]
        batch = Batch.of(messages)
        assert batch.columns().dtype.names == tuple(field.name for field in fixed)
        for field in fixed:
            column = batch.column(field.name)
            for cell, message in zip(column, messages, strict=True):
                raw = message.raw(field.name)
                if isinstance(raw, bytes):
                    assert bytes(cell) == raw
                elif np.ndim(cell):
                    assert whole("little", is_signed=field.kind.startswith("i"))(cell) == raw
                else:
                    assert cell == raw

    check()


def test_the_type_of_each_column_is_that_of_its_field() -> None:
    dtype = Batch.of([everything()]).columns().dtype
    told = {name: (dtype[name].base.str, dtype[name].shape) for name in dtype.names or ()}
    assert told | {"leg": None, "foreign": None, "legs": None} == {
        "tiny": ("|i1", ()),
        "short": ("<u2", ()),
        "odd": ("|u1", (3,)),
        "word": ("<u4", ()),
        "long": ("<i8", ()),
        "wide": ("|u1", (12,)),
        "wider": ("<u8", (2,)),
        "address": ("|u1", (20,)),
        "widest": ("<u8", (4,)),
        "largest": ("<u8", (4,)),
        "single": ("<f4", ()),
        "double": ("<f8", ()),
        "flag": ("|b1", ()),
        "side": ("|u1", ()),
        "traits": ("<u2", ()),
        "amount": ("<i8", ()),
        "exact": ("<u8", (4,)),
        "key": ("|u1", (5,)),
        "label": ("|S7", ()),
        "leg": None,
        "foreign": None,
        "four": ("<i4", (4,)),
        "legs": None,
        "maybe": ("<i8", ()),
        "chosen": ("<i2", ()),
        "last": ("<u8", ()),
    }
    assert dtype["leg"].fields == np.dtype([("ratio", "<i2"), ("price", "<i8")]).fields
    assert dtype["foreign"].fields == np.dtype([("ratio", ">i2"), ("price", ">i8")]).fields
    assert dtype["legs"].shape == (2,)
    assert dtype.itemsize == Everything.layout.size


def everything() -> Everything:
    leg = Leg(1, 2)
    return Everything(
        *(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, False, Side.BUY, Traits(0), Decimal(0), Decimal(0)),
        *(bytes(5), "", leg, BigLeg(3, 4), (0, 0, 0, 0), (leg, leg), None, None, 0),
    )


def frame_of(*messages: TLV) -> bytes:
    writer = FrameWriter()
    for message in messages:
        writer.append(message)
    return bytes(writer.finish())


def batch_of(*messages: TLV) -> Batch[Any]:
    (batch,) = read_frame(frame_of(*messages), messages=[type(messages[0])]).batches()
    return batch


# In place ---------------------------------------------------------------------------------------------------------


def trades(*prices: int) -> list[TradeTLV]:
    return [TradeTLV(price=price, quantity=1, timestamp=0, venue_id=1) for price in prices]


def test_columns_of_a_frame_copy_nothing() -> None:
    buffer = bytearray(frame_of(*trades(1, 2, 3)))
    whole_frame = np.frombuffer(buffer, "u1")
    (batch,) = read_frame(buffer).batches()
    price = batch.column("price")
    assert np.shares_memory(price, whole_frame)
    assert np.shares_memory(batch.columns(), whole_frame)
    buffer[40 + 40] = 99
    assert price.tolist() == [1, 99, 3]


def test_a_column_steps_from_message_to_message() -> None:
    (batch,) = read_frame(frame_of(*trades(1, 2, 3))).batches()
    assert batch.column("price").strides == (40,)
    assert batch.columns().strides == (40,)
    assert batch.column("price").dtype == "<i8"


def test_the_columns_of_unaligned_messages_step_over_the_filling() -> None:
    batch = batch_of(*[Tick(number, number + 1) for number in range(5)])
    assert batch.column("price").strides == (24,)
    assert batch.column("price").tolist() == [0, 1, 2, 3, 4]
    assert batch.column("venue_id").tolist() == [1, 2, 3, 4, 5]


def test_a_frame_at_an_odd_place_has_columns_too() -> None:
    (batch,) = read_frame(b"odd" + frame_of(*trades(1, 2, 3)), 3).batches()
    assert batch.column("price").tolist() == [1, 2, 3]
    assert int(batch.column("price").sum()) == 6


def test_columns_cannot_be_written_because_messages_are_immutable() -> None:
    for batch in (next(iter(read_frame(bytearray(frame_of(*trades(1)))).batches())), Batch.of(trades(1))):
        with pytest.raises(ValueError, match="read-only"):
            batch.column("price")[0] = 2
        with pytest.raises(ValueError, match="read-only"):
            batch.columns()["price"] = 2


def test_columns_keep_the_bytes_alive() -> None:
    price = next(iter(read_frame(bytearray(frame_of(*trades(*range(1, 1000))))).batches())).column("price")
    assert price.tolist() == list(range(1, 1000))


def test_a_column_of_messages_of_a_newer_sender_steps_over_what_is_not_known() -> None:
    later = [Tlv(1000, bytes(Tick(number, 7)) + b"\xff" * 20, 2) for number in range(4)]
    (batch,) = read_frame(frame_bytes(later), messages=[Tick]).batches()
    assert batch.column("price").tolist() == [0, 1, 2, 3]
    assert batch.column("price").strides == (40,)


def test_the_last_message_may_end_with_the_buffer() -> None:
    """There is no whole step behind it."""
    whole_frame = frame_of(Tick(1, 2), Tick(3, 4))
    (batch,) = read_frame(whole_frame, messages=[Tick]).batches()
    assert batch.column("venue_id").tolist() == [2, 4]


def test_messages_that_lie_apart_are_joined_once() -> None:
    batch = Batch.of(trades(1, 2, 3))
    assert batch.column("price").tolist() == [1, 2, 3]
    assert np.shares_memory(batch.column("price"), batch.column("quantity")) is False
    assert np.shares_memory(batch.columns(), batch.column("price"))


def test_views_from_many_buffers_make_one_batch() -> None:
    views = [TradeTLV.ref_from(b"x" * n + bytes(trade), n) for n, trade in enumerate(trades(5, 6, 7))]
    assert Batch.of(views).column("price").tolist() == [5, 6, 7]


def test_messages_without_bytes_have_no_columns() -> None:
    batch = batch_of(Heartbeat(), Heartbeat())
    assert len(batch.columns()) == 2
    with pytest.raises(ColumnsShapeError):
        batch.column("price")


# Variable messages and groups -----------------------------------------------------------------------------------------


def test_the_fixed_part_of_variable_messages_has_columns() -> None:
    books = [
        OrderBookTLV(sequence=number, timestamp=5, venue_id=1, bids=[OrderLevel(number, 1)], asks=[OrderLevel(9, 9)])
        for number in range(1, 4)
    ]
    for batch in (batch_of(*books), Batch.of(books)):
        assert batch.column("sequence").tolist() == [1, 2, 3]
        assert batch.columns().dtype.names == ("sequence", "timestamp", "venue_id")
        with pytest.raises(ColumnsShapeError, match=r"OrderBookTLV\.bids"):
            batch.column("bids")


def test_variable_messages_of_several_lengths_make_one_batch_of_messages() -> None:
    books = [
        OrderBookTLV(sequence=number, timestamp=5, venue_id=1, bids=[OrderLevel(1, 1)] * number) for number in range(3)
    ]
    assert Batch.of(books).column("sequence").tolist() == [0, 1, 2]


@zero_copy
def test_a_group_has_columns_over_its_own_bytes() -> None:
    book = SAMPLES[2]
    buffer = bytearray(b"odd" + bytes(book))
    view = OrderBookTLV.ref_from(buffer, 3)
    bids = view.columns("bids")
    assert np.shares_memory(bids, np.frombuffer(buffer, "u1"))
    assert bids["price"].tolist() == [level.price for level in view.bids] == [100, 99]
    assert bids["size"].tolist() == [5, 6]
    assert bids["order_count"].tolist() == [0, 2]
    assert bids.strides == (24,)
    buffer[buffer.index(bytes(OrderLevel(99, 6, 2)))] = 98
    assert bids["price"].tolist() == [100, 98]
    with pytest.raises(ValueError, match="read-only"):
        bids["price"] = 1


def test_an_empty_group_has_empty_columns() -> None:
    class OnlyGroup(TLV, type=1012):
        levels: Group[OrderLevel]

    assert OnlyGroup([]).columns("levels")["price"].tolist() == []
    assert OrderBookTLV(sequence=1, timestamp=0, venue_id=1).columns("asks").shape == (0,)


def test_items_of_a_newer_sender_are_stepped_over() -> None:
    class LongLevel(TLV):
        price: i64
        size: i64
        order_count: u32
        more: u32
        most: u64

    class LongBook(TLV, type=3, version=2):
        sequence: u64
        timestamp: i64
        venue_id: u32
        _padding: pad[4] = padding()
        bids: Group[LongLevel] = ()
        asks: Group[LongLevel] = ()

    newer = LongBook(sequence=1, timestamp=2, venue_id=3, asks=[LongLevel(n, n + 1, 0, 0, 0) for n in range(3)])
    view = OrderBookTLV.ref_from(bytes(newer))
    assert view.columns("asks")["price"].tolist() == [0, 1, 2]
    assert view.columns("asks").strides == (32,)


def test_what_is_no_group_has_no_group_columns() -> None:
    book = SAMPLES[2]
    for name in ("sequence", "_padding", "nothing"):
        with pytest.raises(ColumnsShapeError, match=f"OrderBookTLV.{name} has no column: it is not a group"):
            book.columns(name)


def test_messages_whose_default_has_no_hash_have_columns() -> None:
    class Bag(TLV, type=1013):
        number: u32
        levels: Group[OrderLevel] = []  # noqa: RUF012

    assert Batch.of([Bag(1), Bag(2)]).column("number").tolist() == [1, 2]


def test_two_messages_of_one_name_have_each_their_own_columns() -> None:
    """Their layouts look alike from outside; the nested messages differ."""

    def declare(first: str) -> type[TLV]:
        if first == "price":

            class Inner(TLV):
                price: i64

            inner: Any = Inner
        else:

            class Inner(TLV):  # type: ignore[no-redef]
                size: i64

            inner = Inner

        class Outer(TLV, type=1014):
            nested: inner

        return Outer

    for name in ("price", "size"):
        outer = declare(name)
        nested = outer.layout["nested"]
        assert nested.kind == "Inner"
        batch = Batch.of([outer.read_from(bytes(8))])
        assert batch.column("nested").dtype.names == (name,)


# Sums ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=50))
def test_a_sum_over_a_column_is_the_sum_over_the_messages(prices: list[int]) -> None:
    (batch,) = read_frame(frame_of(*trades(*prices))).batches()
    assert int(batch.column("price").sum()) == sum(message.price for message in batch) == sum(prices)


def test_wide_integers_can_be_added_up_by_limbs() -> None:
    swap: Any = SAMPLES[3]
    swaps: list[PoolSwapTLV] = [swap.replace(amount0_out=2**200 * n) for n in range(5)]
    limbs = Batch.of(swaps).column("amount0_out").astype(object).sum(axis=0)
    assert sum(limb << 64 * place for place, limb in enumerate(limbs)) == 2**200 * 10


# Without NumPy ------------------------------------------------------------------------------------------------------


def test_without_numpy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr("tlv.columns._makers", {})  # as in a process in which it was never there
    batch = next(iter(read_frame(frame_of(*trades(1))).batches()))
    book = SAMPLES[2]
    for ask in (
        lambda: batch.column("price"),
        batch.columns,
        lambda: Batch.of(trades(1)).column("price"),
        lambda: book.columns("bids"),
    ):
        with pytest.raises(ColumnsUnavailableError, match=r'pip install "mycelium-actors\[columns\]"') as told:
            ask()
        assert isinstance(told.value, ImportError)
    assert [message.price for message in batch] == [1]


def test_numpy_is_loaded_with_the_first_column_and_not_before() -> None:
    program = """
import sys
from tlv import Batch, FrameWriter, read_frame
from tlv.market_data import TradeTLV
trade = TradeTLV(price=1, quantity=1, timestamp=0, venue_id=1)
writer = FrameWriter()
writer.append(trade)
(batch,) = read_frame(writer.finish()).batches()
assert list(batch) == [trade]
assert "numpy" not in sys.modules
assert batch.column("price").tolist() == [1]
assert "numpy" in sys.modules
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
