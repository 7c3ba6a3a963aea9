"""Reading frames: views in order, dispatch to handlers, versions and unknown types, who keeps the bytes alive."""

from __future__ import annotations

import gc
import mmap
import sys
import threading
import weakref
from typing import Any

import pytest

from tests.frame_messages import MESSAGES, Flag, Heartbeat, Level, Note, Tick
from tests.frame_oracle import Tlv, frame_bytes
from tests.market_data_samples import SAMPLES
from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    DeclarationError,
    FieldBoundsError,
    Frame,
    FrameContentError,
    FrameHeaderError,
    FrameLimitError,
    FrameTruncatedError,
    FrameWriter,
    Limits,
    TLVError,
    UntypedMessageError,
    i64,
    read_frame,
    read_frames,
    u32,
)
from tlv.market_data import MARKET_DATA_MESSAGES, QuoteTLV, TradeTLV


class TickV2(TLV, type=1000, version=2):
    """Tick with a field appended, as a newer sender declares it."""

    price: i64
    venue_id: u32
    flags: u32


class NoteV2(TLV, type=1002, version=2):
    """Note with a fixed field appended."""

    number: u32
    text: str
    note: str
    author: u32


class Buffer(bytearray):
    """A bytearray that can be watched."""


def written(*messages: TLV) -> bytes:
    writer = FrameWriter()
    for message in messages:
        writer.append(message)
    return bytes(writer.finish())


def read(data: Any, **options: Any) -> Frame:
    return read_frame(data, messages=MESSAGES, **options)


# Iterating -------------------------------------------------------------------------------------------------------


def test_iterating_gives_a_view_of_each_message_in_order() -> None:
    messages = [Tick(1, 2), Note(3, "three"), Flag(4), Heartbeat(), Tick(5, 6)]
    frame = read(written(*messages))
    assert list(frame) == messages
    assert [type(message) for message in frame] == [Tick, Note, Flag, Heartbeat, Tick]


def test_a_frame_can_be_read_any_number_of_times() -> None:
    frame = read(written(Tick(1, 2), Flag(3)))
    assert list(frame) == list(frame) == [Tick(1, 2), Flag(3)]
    first, second = iter(frame), iter(frame)
    assert [next(first), next(second), next(first), next(second)] == [Tick(1, 2), Tick(1, 2), Flag(3), Flag(3)]


def test_by_default_the_market_data_messages_are_known() -> None:
    assert list(read_frame(written(*SAMPLES))) == list(SAMPLES)


def test_header_offset_and_size_tell_where_a_frame_lies() -> None:
    data = written(Tick(1, 2))
    frame = read(b"xyz" + data + b"more", offset=3)
    assert (frame.offset, frame.size, frame.header.payload_size) == (3, len(data), len(data) - 32)
    assert list(frame) == [Tick(1, 2)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "mmap", "cast"])
def test_frames_are_read_from_any_contiguous_buffer(kind: Any) -> None:
    data = written(Tick(1, 2), Note(3, "three"))
    if kind == "mmap":
        source: Any = mmap.mmap(-1, len(data))
        source[:] = data
    else:
        source = memoryview(data).cast("Q") if kind == "cast" else kind(data)
    assert list(read(source)) == [Tick(1, 2), Note(3, "three")]


def test_a_message_without_bytes_is_read() -> None:
    assert list(read(written(Heartbeat(), Heartbeat()))) == [Heartbeat(), Heartbeat()]


def test_a_variable_message_that_ends_unaligned_is_read_to_its_length() -> None:
    """Our writer fills messages up; another one need not."""
    payload = bytes(Note(3, "three"))
    end = payload.index(b"three") + 5
    frame = read(frame_bytes([Tlv(1002, payload[:end]), Tlv(1001, b"\x04")]))
    assert list(frame) == [Note(3, "three"), Flag(4)]
    note = next(iter(frame))
    assert note.as_bytes() == payload[:end]


# Unknown types, other versions ------------------------------------------------------------------------------------


def test_unknown_types_are_passed_over_and_counted() -> None:
    data = written(Tick(1, 2), Flag(3), Tick(4, 5), Note(6))
    frame = read_frame(data, messages=[Tick])
    assert list(frame) == [Tick(1, 2), Tick(4, 5)]
    assert frame.unknown == 2
    assert read_frame(data).dispatch({}) == 0
    frame = read_frame(data)
    assert (list(frame), frame.unknown) == ([], 4)


def test_counts_are_of_the_last_walk() -> None:
    frame = read_frame(written(Tick(1, 2), Flag(3)), messages=[Tick])
    assert (frame.unknown, frame.newer) == (0, 0)
    for walk in (lambda: list(frame), lambda: frame.dispatch({}), lambda: list(frame.batches())):
        walk()
        assert frame.unknown == 1


def test_a_message_of_a_newer_sender_is_read_as_what_is_known_of_it() -> None:
    frame = read(written(TickV2(1, 2, 3), Tick(4, 5)))
    assert list(frame) == [Tick(1, 2), Tick(4, 5)]
    assert frame.newer == 1
    seen: list[Tick] = []
    assert frame.dispatch({Tick: seen.append}) == 2
    assert seen == [Tick(1, 2), Tick(4, 5)]
    assert (frame.newer, frame.unknown) == (1, 0)


def test_a_variable_message_of_a_newer_sender_is_read_as_what_is_known_of_it() -> None:
    class OldNote(TLV, type=1002):
        number: u32
        text: str

    frame = read_frame(written(NoteV2(1, "one", "not known", 7)), messages=[OldNote])
    assert list(frame) == [OldNote(1, "one")]
    assert frame.newer == 1


def test_a_message_of_an_older_sender_that_is_too_short_is_refused() -> None:
    data = written(Flag(1), Tick(2, 3))
    frame = read_frame(data, messages=[Flag, TickV2])
    walk = iter(frame)
    assert next(walk) == Flag(1)
    for refused in (
        lambda: next(walk),
        lambda: frame.dispatch({TickV2: print}),
        lambda: list(frame.batches()),
    ):
        with pytest.raises(FrameContentError, match="too short for TickV2") as told:
            refused()
        assert (told.value.offset, told.value.type_id, told.value.length) == (48, 1000, 12)


def test_an_older_schema_version_of_the_same_size_is_nothing_special() -> None:
    class Later(TLV, type=1000, version=3):
        price: i64
        venue_id: u32

    frame = read_frame(written(Tick(1, 2)), messages=[Later])
    assert list(frame) == [Later(1, 2)]
    assert frame.newer == 0


# Dispatch --------------------------------------------------------------------------------------------------------


def test_dispatch_calls_the_handler_of_each_class_in_the_order_of_the_frame() -> None:
    messages = [Tick(1, 2), Note(3, "three"), Tick(4, 5), Heartbeat(), Flag(6), Tick(7, 8)]
    seen: list[TLV] = []
    called = read(written(*messages)).dispatch(dict.fromkeys(MESSAGES, seen.append))
    assert called == 6
    assert seen == messages


def test_dispatch_reaches_every_market_data_message() -> None:
    seen: list[TLV] = []
    assert read_frame(written(*SAMPLES)).dispatch(dict.fromkeys(MARKET_DATA_MESSAGES, seen.append)) == 17
    assert seen == list(SAMPLES)


def test_messages_without_a_handler_are_passed_over() -> None:
    seen: list[Tick] = []
    frame = read(written(Tick(1, 2), Note(3), Flag(4), Tick(5, 6)))
    assert frame.dispatch({Tick: seen.append}) == 2
    assert seen == [Tick(1, 2), Tick(5, 6)]
    assert frame.unknown == 0


def test_a_handler_is_found_by_class_and_not_by_number() -> None:
    class Stranger(TLV, type=1000):
        other: i64

    seen: list[Stranger] = []
    assert read(written(Tick(1, 2))).dispatch({Stranger: seen.append}) == 0
    assert seen == []


def test_what_a_handler_raises_comes_through_and_stops_the_walk() -> None:
    class HandlerFaultError(Exception):
        pass

    seen: list[int] = []

    def handle(tick: Tick) -> None:
        seen.append(tick.price)
        if tick.price == 2:
            raise HandlerFaultError

    with pytest.raises(HandlerFaultError):
        read(written(Tick(1, 0), Tick(2, 0), Tick(3, 0))).dispatch({Tick: handle})
    assert seen == [1, 2]


def test_a_declared_error_of_a_handler_is_not_taken_for_a_fault_of_the_frame() -> None:
    frame = read(written(Tick(1, 0)))
    with pytest.raises(FieldBoundsError):
        frame.dispatch({Tick: lambda _: Note.ref_from(bytes(4) + b"\xff" * 20)})


def test_a_handler_may_keep_its_message() -> None:
    kept: list[Tick] = []
    read(written(*[Tick(number, 0) for number in range(100)])).dispatch({Tick: kept.append})
    gc.collect()
    assert [tick.price for tick in kept] == list(range(100))


def test_several_threads_may_walk_one_frame() -> None:
    frame = read(written(*[Tick(number, 0) for number in range(2000)]))
    sums: list[int] = []

    def add() -> None:
        sums.append(sum(tick.price for tick in frame if isinstance(tick, Tick)))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sums == [sum(range(2000))] * 4


# The set of messages ----------------------------------------------------------------------------------------------


def test_the_messages_may_be_any_iterable() -> None:
    data = written(Tick(1, 2))
    for messages in (MESSAGES, list(MESSAGES), set(MESSAGES), iter(MESSAGES), {Tick: None}.keys()):
        assert list(read_frame(data, messages=messages)) == [Tick(1, 2)]
    assert list(read_frame(data, messages=())) == []
    assert list(read_frame(data, messages=[Tick, Tick])) == [Tick(1, 2)]


def test_a_plain_layout_cannot_be_among_them() -> None:
    with pytest.raises(UntypedMessageError, match="Level"):
        read_frame(written(), messages=[Tick, Level])


def test_two_classes_of_one_type_cannot_be_among_them() -> None:
    with pytest.raises(DeclarationError, match="Tick and TickV2 both have type 1000"):
        read_frame(written(), messages=[Tick, TickV2])


# Bytes in place ---------------------------------------------------------------------------------------------------


@zero_copy
def test_views_of_a_frame_read_what_the_buffer_holds_now() -> None:
    buffer = bytearray(written(Tick(1, 2), Note(3, "three")))
    tick, note = read(buffer)
    assert isinstance(tick, Tick)
    assert isinstance(note, Note)
    buffer[40:48] = (99).to_bytes(8, "little")
    at = bytes(buffer).index(b"three")
    buffer[at : at + 5] = b"THREE"
    assert tick.price == 99
    assert note.text == "THREE"


@zero_copy
def test_views_share_memory_with_the_frame() -> None:
    np = pytest.importorskip("numpy")
    buffer = bytearray(written(*SAMPLES))
    for message in read_frame(buffer):
        assert np.shares_memory(np.asarray(message.as_bytes()), np.frombuffer(buffer, "u1")), type(message).__name__


def test_to_owned_takes_a_message_out_of_the_frame() -> None:
    buffer = bytearray(written(Tick(1, 2)))
    (tick,) = read(buffer)
    kept = tick.to_owned()
    buffer[40] = 99
    assert kept == Tick(1, 2)


@zero_copy
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_a_view_keeps_the_buffer_alive_and_nothing_else_does() -> None:
    buffer = Buffer(written(Tick(1, 2), Note(3, "three")))
    watch = weakref.ref(buffer)
    frame = read(buffer)
    tick, note = frame
    del frame, buffer
    gc.collect()
    assert watch() is not None
    assert (tick, note) == (Tick(1, 2), Note(3, "three"))
    del tick
    gc.collect()
    assert watch() is not None
    del note
    gc.collect()
    assert watch() is None


@zero_copy
def test_a_bytearray_cannot_be_resized_while_a_view_of_it_is_there() -> None:
    buffer = bytearray(written(Tick(1, 2)))
    (tick,) = read(buffer)
    with pytest.raises(BufferError):
        buffer.clear()
    assert tick == Tick(1, 2)
    del tick
    gc.collect()
    buffer.clear()


# Many frames ------------------------------------------------------------------------------------------------------


def test_read_frames_reads_one_after_the_other() -> None:
    writer = FrameWriter()
    data = b""
    for number in range(5):
        for _ in range(number):
            writer.append(Tick(number, 0))
        data += writer.finish()
    frames = list(read_frames(data, messages=MESSAGES))
    assert [frame.header.sequence for frame in frames] == [0, 1, 2, 3, 4]
    assert [len(list(frame)) for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.offset for frame in frames] == [0, 32, 88, 168, 272]
    assert [frame.header.sequence for frame in read_frames(data, frames[3].offset)] == [3, 4]


def test_read_frames_of_nothing_is_nothing() -> None:
    assert list(read_frames(b"")) == []
    assert list(read_frames(written(), 32)) == []


@pytest.mark.parametrize(
    ("garbage", "error"),
    [
        (b"\0" * 40, FrameHeaderError),
        (b"\0" * 5, FrameTruncatedError),
        (written(Tick(1, 2))[:-1], FrameTruncatedError),
    ],
    ids=["zeros", "too few bytes for a header", "a frame that is cut"],
)
def test_what_follows_good_frames_and_is_none_is_told_after_them(garbage: bytes, error: type[TLVError]) -> None:
    good = written(Tick(1, 2)) + written(Tick(3, 4))
    frames = read_frames(good + garbage, messages=MESSAGES)
    assert [list(next(frames)), list(next(frames))] == [[Tick(1, 2)], [Tick(3, 4)]]
    with pytest.raises(error) as told:
        next(frames)
    assert told.value.values["offset"] == len(good)


def test_an_offset_behind_the_end_is_told() -> None:
    data = written()
    for offset in (33, 1000):
        with pytest.raises(FrameTruncatedError):
            list(read_frames(data, offset))
        with pytest.raises(FrameTruncatedError):
            read_frame(data, offset)
    for reader in (read_frame, lambda *arguments: list(read_frames(*arguments))):
        with pytest.raises(FrameHeaderError, match="negative"):
            reader(data, -1)


# Limits -----------------------------------------------------------------------------------------------------------


def test_a_frame_larger_than_the_limit_is_refused_before_its_bytes_are_looked_at() -> None:
    data = written(Tick(1, 2))
    assert list(read(data, limits=Limits(frame_size=56))) == [Tick(1, 2)]
    for cut in (data, data[:32]):
        with pytest.raises(FrameLimitError) as told:
            read(cut, limits=Limits(frame_size=55))
        assert (told.value.size, told.value.limit) == (56, 55)


def test_the_limit_of_read_frames_is_for_each_frame() -> None:
    data = written(Tick(1, 2)) * 3
    assert len(list(read_frames(data, limits=Limits(frame_size=56)))) == 3
    with pytest.raises(FrameLimitError):
        list(read_frames(data, limits=Limits(frame_size=48)))


def test_the_default_limit_is_16_mib() -> None:
    header = bytearray(written())
    header[24:28] = (16 * 1024 * 1024 - 32).to_bytes(4, "little")
    with pytest.raises(FrameTruncatedError):
        read_frame(header)
    header[24:28] = (16 * 1024 * 1024 - 24).to_bytes(4, "little")
    with pytest.raises(FrameLimitError):
        read_frame(header)


def test_pattern_matching_takes_messages_of_a_frame_apart() -> None:
    told = []
    for message in read_frame(written(*SAMPLES[:2])):
        match message:
            case TradeTLV(price, quantity):
                told.append((price, quantity))
            case QuoteTLV(bid_price=bid, ask_price=ask):
                told.append((bid, ask))
    assert told == [(3_943_248_000_000, -150_000_000), (100, 101)]
