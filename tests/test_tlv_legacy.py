"""What `legacy` messages do of their own: they copy, and their values give the same bytes again."""

from __future__ import annotations

import enum
import gc
import struct
import weakref
from typing import Annotated

import pytest

from tlv import (
    TLV,
    Batch,
    ConstraintError,
    FrameWriter,
    Group,
    Size,
    TextEncodingError,
    f32,
    f64,
    i16,
    i32,
    i64,
    implementation,
    pad,
    padding,
    read_frame,
    u8,
)

pytestmark = pytest.mark.skipif(implementation.running != "legacy", reason="legacy messages do not run")


class Buffer(bytearray):
    """A bytearray that can be watched."""


class Side(enum.IntEnum):
    BUY = 1
    SELL = 2

    @classmethod
    def _missing_(cls, value: object) -> Side:
        if value == 99:
            msg = "99 is cursed"
            raise RuntimeError(msg)
        raise ValueError(value)


class Point(TLV, type=2101):
    x: i32
    _gap: pad[4] = padding()
    y: i64


class Order(TLV, type=2102):
    side: Annotated[Side, u8]
    firm: bool
    symbol: Annotated[str, Size(6)]
    ratio: f32
    level: f64 | None
    steps: Annotated[tuple[i16, ...], Size(2)]
    place: Point


class Path(TLV, type=2103):
    start: Point
    points: Group[Point] = ()
    note: str = ""


ORDER = Order(Side.BUY, True, "abc", 1.5, None, (1, 2), Point(3, 4))
PATH = Path(Point(1, 2), [Point(3, 4), Point(5, 6)], "note")


def test_a_message_does_not_follow_its_buffer() -> None:
    for message in (Point(1, 2), ORDER, PATH):
        buffer = bytearray(bytes(message))
        copies = [type(message).ref_from(buffer), type(message).read_from(buffer)]
        buffer[:] = bytes(len(buffer))
        buffer.clear()
        assert copies == [message, message]


def test_a_message_keeps_no_buffer() -> None:
    for message in (Point(1, 2), ORDER, PATH):
        buffer = Buffer(bytes(message))
        watched = weakref.ref(buffer)
        read = type(message).ref_from(buffer)
        del buffer
        gc.collect()
        assert watched() is None
        assert read.to_owned() is read


def test_messages_of_frames_and_batches_are_copies_too() -> None:
    writer = FrameWriter()
    for message in (Point(1, 2), Point(3, 4), PATH):
        writer.append(message)
    buffer = bytearray(writer.finish())
    frame = read_frame(buffer, messages=(Point, Path))
    seen = list(frame)
    handled: list[TLV] = []
    frame.dispatch({Point: handled.append, Path: handled.append})
    batched = [one for batch in frame.batches() for one in batch]
    buffer[32:] = bytes(len(buffer) - 32)
    assert seen == handled == batched == [Point(1, 2), Point(3, 4), PATH]
    assert Batch.of([Point(1, 2), Point(3, 4)]).column("y").tolist() == [2, 4]


def test_items_of_a_group_are_made_once() -> None:
    read = Path.ref_from(bytes(PATH))
    assert read.points[0] is read.points[0]
    assert list(read.points) == [Point(3, 4), Point(5, 6)]
    assert read.points[-1:] == (Point(5, 6),)
    with pytest.raises(IndexError, match="item 2 of a group of 2"):
        read.points[2]


@pytest.mark.parametrize("at", range(len(bytes(ORDER))))
def test_any_byte_is_given_back_as_it_was_read(at: int) -> None:
    """Bools that are neither 0 nor 1, text that is not UTF-8, padding, enums that refuse a number."""
    for value in range(256):
        data = bytearray(bytes(ORDER))
        data[at] = value
        assert bytes(Order.ref_from(data)) == bytes(data)


@pytest.mark.parametrize("bits", [0x7F800001, 0xFFC12345], ids=["signalling", "payload"])
def test_the_bits_of_a_nan_survive(bits: int) -> None:
    data = bytearray(bytes(ORDER))
    data[8:12] = struct.pack("<I", bits)
    data[12:20] = struct.pack("<Q", bits << 32 | 1)
    assert bytes(Order.ref_from(data)) == bytes(data)


def test_what_cannot_be_decoded_is_told_when_it_is_read() -> None:
    data = bytearray(bytes(ORDER))
    data[0], data[1], data[2:5] = 99, 2, b"\xff\xfe\xfd"
    order = Order.ref_from(data)
    assert order.firm is True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="cursed"):
            order.side
        with pytest.raises(TextEncodingError, match=r"Order\.symbol"):
            order.symbol
    assert order.raw("side") == 99
    with pytest.raises(ConstraintError, match=r"Order\.firm"):
        order.validate()


def test_what_has_no_values_in_doubt_holds_no_bytes() -> None:
    assert not hasattr(Point(1, 2), "_kept")
    assert hasattr(ORDER, "_kept")


def test_a_derived_message_has_the_fields_of_both() -> None:
    class Named(Point):
        name: Annotated[str, Size(4)]

    read = Named.ref_from(bytes(Named(1, 2, "abc")))
    assert (read.x, read.y, read.name) == (1, 2, "abc")
    assert bytes(read) == bytes(Point(1, 2)) + b"abc\0"
