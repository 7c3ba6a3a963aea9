"""`Batch.over`: records that follow each other in a buffer, compared with struct.iter_unpack and NumPy."""

from __future__ import annotations

import gc
import mmap
import struct
import sys
import threading
import weakref
from array import array
from operator import length_hint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frame_messages import Heartbeat, Note
from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    Batch,
    BatchBoundsError,
    BufferTypeError,
    DeclarationError,
    FrameWriter,
    TLVError,
    i64,
    pad,
    padding,
    u16,
    u32,
)
from tlv.market_data import TradeTLV


class Record(TLV):
    """Somebody else's record: no wire type, 11 bytes."""

    price: i64
    venue: u16
    _padding: pad[1] = padding()


class BigRecord(TLV, byteorder="big"):
    price: i64
    venue: u16
    _padding: pad[1] = padding()


PACKED = {Record: struct.Struct("<qHx"), BigRecord: struct.Struct(">qHx")}
SIZE = 11


def packed(count: int, filler: bytes = b"") -> bytes:
    return b"".join(PACKED[Record].pack(1000 * n - 3, n % 65_536) + filler for n in range(count))


def rows(batch: Batch[Any]) -> list[tuple[int, int]]:
    return [(one.price, one.venue) for one in batch]


# What it reads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Record, BigRecord])
@given(data=st.binary(max_size=400), offset=st.integers(0, 20))
def test_it_reads_what_struct_reads(kind: type[Record], data: bytes, offset: int) -> None:
    whole = offset + max(0, len(data) - offset) // SIZE * SIZE
    data = data[:whole].ljust(offset, b"?")
    batch = Batch.over(kind, data, offset)
    expected = list(PACKED[kind].iter_unpack(data[offset:]))
    assert rows(batch) == expected
    assert [(batch[i].price, batch[i].venue) for i in range(len(batch))] == expected
    assert batch.column("price").tolist() == [price for price, _ in expected]
    assert batch.columns()["venue"].tolist() == [venue for _, venue in expected]


@given(count=st.integers(0, 20), filler=st.integers(0, 9), left_off=st.integers(0, 9), offset=st.integers(0, 5))
def test_records_may_lie_apart_and_the_last_one_need_not_be_filled(
    count: int, filler: int, left_off: int, offset: int
) -> None:
    data = b"x" * offset + packed(count, b"-" * filler)
    data = data[: len(data) - min(left_off, filler if count else 0)]
    for batch in (
        Batch.over(Record, data, offset, stride=SIZE + filler),
        Batch.over(Record, data + b"more", offset, stride=SIZE + filler, count=count),
    ):
        assert len(batch) == count
        assert rows(batch) == [(1000 * n - 3, n) for n in range(count)]
        assert batch.column("venue").tolist() == list(range(count))


@given(st.binary(max_size=200), st.integers(-50, 250), st.integers(-5, 60) | st.none(), st.integers(-5, 40) | st.none())
def test_whatever_is_asked_for_lies_inside_the_buffer_or_is_refused(
    data: bytes, offset: int, stride: int | None, count: int | None
) -> None:
    step = SIZE if stride is None else stride
    try:
        batch = Batch.over(Record, data, offset, stride=stride, count=count)
    except BatchBoundsError:
        available = len(data) - offset
        refused = offset < 0 or step < SIZE or (count is not None and count < 0)
        last = (count - 1) * step + SIZE if count else 0
        assert refused or (0 <= available % step < SIZE or available < 0 if count is None else last > available)
        return
    assert offset >= 0
    assert step >= SIZE
    assert [one.as_bytes() for one in batch] == [
        data[offset + i * step : offset + i * step + SIZE] for i in range(len(batch))
    ]
    assert len(batch) == count if count is not None else len(batch) * step >= len(data) - offset
    assert len(batch.column("price")) == len(batch)


def test_records_of_a_plain_buffer_have_columns_in_place() -> None:
    data = bytearray(packed(4))
    batch = Batch.over(Record, data)
    assert np.shares_memory(batch.column("price"), np.frombuffer(data, "u1"))
    assert batch.column("price") is batch.column("price")
    data[SIZE : SIZE + 8] = struct.pack("<q", 77)
    assert batch.column("price").tolist()[1] == batch[1].price == 77
    assert [one.price for one in batch][1] == 77
    with pytest.raises(ValueError, match="read-only"):
        batch.column("price")[0] = 2


def test_a_payload_of_a_frame_can_be_stepped_through() -> None:
    """40 bytes from trade to trade, the first behind the header of the frame and of its TLV."""
    writer = FrameWriter()
    for number in range(5):
        writer.append(TradeTLV(number, 2, 3, 4))
    frame = writer.finish()
    batch = Batch.over(TradeTLV, frame, 40, stride=40)
    assert list(batch) == [TradeTLV(number, 2, 3, 4) for number in range(5)]
    assert int(batch.column("price").sum()) == 10


@pytest.mark.parametrize("source", [bytes, bytearray, memoryview, lambda data: array("B", data)])
def test_it_takes_any_buffer(source: Any) -> None:
    batch = Batch.over(Record, source(packed(3)))
    assert rows(batch) == [(-3, 0), (997, 1), (1997, 2)]
    assert batch.column("price").tolist() == [-3, 997, 1997]


def test_it_takes_a_file_that_is_mapped(tmp_path: Path) -> None:
    file = tmp_path / "records"
    file.write_bytes(b"head" + packed(1000))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        batch = Batch.over(Record, mapped, 4)
        assert (
            sum(one.price for one in batch)
            == int(batch.column("price").sum())
            == sum(1000 * n - 3 for n in range(1000))
        )
        del batch


# What it refuses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"buf": bytes(12)}, "12 bytes at offset 0 end inside a record of 11 at strides of 11"),
        ({"buf": bytes(11), "offset": 12}, "-1 bytes at offset 12 end inside a record"),
        ({"buf": bytes(11), "offset": -1}, "the offset is -1"),
        ({"buf": bytes(22), "stride": 10}, "a record has 11 bytes, the stride is 10"),
        ({"buf": bytes(22), "stride": 0}, "a record has 11 bytes, the stride is 0"),
        ({"buf": bytes(22), "count": 3}, "3 records at strides of 11 need 33 bytes at offset 0, there are 22"),
        ({"buf": bytes(22), "count": -1}, "-1 records"),
        ({"buf": bytes(22), "count": 2, "stride": 2**70}, "need 1180591620717411303435 bytes"),
        ({"buf": bytes(22), "count": 2**70}, "records at strides of 11 need"),
        ({"buf": bytes(22), "offset": 2**70}, "end inside a record"),
    ],
)
def test_what_does_not_fit_is_told(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BatchBoundsError, match=said) as told:
        Batch.over(Record, **arguments)
    assert isinstance(told.value, ValueError)
    assert told.value.code == "TLV-038"


def test_one_record_may_have_any_stride() -> None:
    batch = Batch.over(Record, packed(1), stride=2**70, count=1)
    assert rows(batch) == [(-3, 0)]
    assert batch.column("price").tolist() == [-3]


def test_no_records_are_an_empty_batch() -> None:
    for batch in (Batch.over(Record, b""), Batch.over(Record, b"abc", 3), Batch.over(Record, bytes(50), count=0)):
        assert len(batch) == 0
        assert list(batch) == []
        assert batch.column("price").tolist() == batch.columns().tolist() == []
        with pytest.raises(IndexError):
            batch[0]


@pytest.mark.parametrize(("kind", "reason"), [(Note, "variable fields"), (Heartbeat, "no bytes")])
def test_messages_without_a_stride_are_refused(kind: type[TLV], reason: str) -> None:
    with pytest.raises(
        DeclarationError, match=f"{kind.__name__} has {reason}, so no stride; read it message by message"
    ):
        Batch.over(kind, bytes(64))


def test_what_is_no_buffer_or_no_number_is_refused() -> None:
    with pytest.raises(BufferTypeError):
        Batch.over(Record, "text")  # type: ignore[arg-type]
    with pytest.raises(BufferTypeError):
        Batch.over(Record, memoryview(bytes(44))[::2])
    for wrong in ({"offset": 1.5}, {"stride": "11"}, {"count": 2.0}):
        with pytest.raises(TypeError):
            Batch.over(Record, bytes(22), **wrong)


# Memory -----------------------------------------------------------------------------------------------------------


@zero_copy
def test_it_keeps_its_buffer_and_the_size_of_it() -> None:
    data = bytearray(packed(3))
    batch = Batch.over(Record, data)
    with pytest.raises(BufferError):
        data.append(1)
    del batch
    gc.collect()
    data.append(1)
    iterator = iter(Batch.over(Record, data, count=3))
    first = next(iterator)
    with pytest.raises(BufferError):
        data.append(1)
    del iterator
    with pytest.raises(BufferError):
        data.append(1)
    assert first.price == -3
    del first
    gc.collect()
    data.append(1)


def test_nothing_is_left_of_an_iterator_that_was_dropped_half_way() -> None:
    class Exporter(bytearray):
        """Can be watched."""

    data = Exporter(packed(100))
    watch = weakref.ref(data)
    iterator = iter(Batch.over(Record, data))
    assert [next(iterator).venue for _ in range(3)] == [0, 1, 2]
    del data, iterator
    gc.collect()
    assert watch() is None


def test_an_iterator_ends_and_stays_at_its_end() -> None:
    iterator = iter(Batch.over(Record, packed(2)))
    assert len(list(iterator)) == 2
    assert next(iterator, None) is None
    assert next(iterator, None) is None


def test_two_iterators_go_their_own_way() -> None:
    batch = Batch.over(Record, packed(3))
    assert [(one.venue, other.venue) for one in batch for other in batch] == [
        (a, b) for a in range(3) for b in range(3)
    ]


def test_views_can_be_kept() -> None:
    data = packed(2000)
    kept = list(Batch.over(Record, data))
    del data
    gc.collect()
    assert [one.venue for one in kept] == list(range(2000))


def test_threads_read_one_batch_at_once() -> None:
    batch = Batch.over(Record, packed(5000))
    sums: list[int] = []
    threads = [
        threading.Thread(target=lambda: sums.append(sum(one.venue for one in batch) + int(batch.column("price")[1])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [sum(range(5000)) + 997] * 4


# The compiled part --------------------------------------------------------------------------------------------------


def test_the_compiled_iterator_checks_what_it_is_given() -> None:
    """It trusts nobody: not even the library that calls it."""
    core = pytest.importorskip("tlv._native")
    from tlv import implementation

    if implementation.native is None:
        pytest.skip("the twin runs")
    data = packed(3)
    assert length_hint(core.Views(Record, data, 0, 3, SIZE)) == 3
    for start, count, step in ((1, 3, SIZE), (0, 4, SIZE), (-1, 1, SIZE), (0, -1, SIZE), (0, 3, 1), (34, 0, SIZE)):
        with pytest.raises(ValueError, match="outside their buffer"):
            core.Views(Record, data, start, count, step)
    with pytest.raises(ValueError, match="outside their buffer"):
        core.Views(Record, data, 0, sys.maxsize, sys.maxsize)
    for wrong in (int, Note, TLV, 5):
        with pytest.raises(TypeError, match="without variable fields"):
            core.Views(wrong, data, 0, 1, SIZE)
    with pytest.raises(TLVError):
        core.Views(Record, 5, 0, 1, SIZE)
    with pytest.raises(TypeError):
        core.Views(Record, data, 0, 1, step=SIZE)
    with pytest.raises(OverflowError):
        core.Views(Record, data, 0, 2**70, SIZE)


def test_u32_is_a_column_of_its_own_in_the_middle_of_a_record() -> None:
    class Odd(TLV):
        _head: pad[3] = padding()
        number: u32

    data = b"".join(b"abc" + struct.pack("<I", n) for n in range(9))
    assert Batch.over(Odd, data).column("number").tolist() == list(range(9))
