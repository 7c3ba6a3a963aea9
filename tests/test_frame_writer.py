"""Writing frames: headers, growth, room, callers' buffers, and what happens to a frame when a message is refused."""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import pytest

from tests.frame_messages import MESSAGES, Flag, Heartbeat, Level, Note, Tick
from tests.frame_oracle import read_bytes
from tests.market_data_samples import SAMPLES
from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    BufferSpaceError,
    BufferTypeError,
    FieldValueError,
    FrameFullError,
    FrameWriter,
    Limits,
    TLVError,
    UntypedMessageError,
    read_frame,
)


def fields_of(message: TLV) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in message.layout if not field.is_padding}


def prices(frame: Any) -> list[int]:
    return [message.price for message in read_frame(frame, messages=MESSAGES) if isinstance(message, Tick)]


def test_an_empty_frame_is_a_header() -> None:
    frame = FrameWriter().finish()
    assert len(frame) == 32
    assert list(read_frame(frame)) == []


def test_size_and_message_count_grow_with_the_frame_and_start_again() -> None:
    writer = FrameWriter()
    assert (writer.size, writer.message_count) == (32, 0)
    writer.append(Tick(1, 2))
    assert (writer.size, writer.message_count) == (56, 1)
    writer.append(Heartbeat())
    assert (writer.size, writer.message_count) == (64, 2)
    assert len(writer.finish()) == 64
    assert (writer.size, writer.message_count) == (32, 0)


def test_the_sequence_grows_by_one_with_each_frame() -> None:
    writer = FrameWriter(sequence=41)
    assert [read_frame(writer.finish()).header.sequence for _ in range(3)] == [41, 42, 43]
    assert writer.sequence == 44


def test_the_clock_is_asked_when_a_frame_is_finished() -> None:
    times = iter([5, 7])
    writer = FrameWriter(clock=lambda: next(times))
    writer.append(Tick(1, 2))
    assert [read_frame(writer.finish()).header.timestamp for _ in range(2)] == [5, 7]


def test_by_default_frames_carry_source_zero_sequence_zero_and_a_checksum() -> None:
    header = read_frame(FrameWriter().finish()).header
    assert (header.source, header.sequence, header.flags, header.version) == (0, 0, 1, 1)
    assert header.timestamp > 1_600_000_000_000_000_000


def test_a_frame_of_its_own_buffer_stays_as_it_is_when_the_next_one_is_written() -> None:
    writer = FrameWriter()
    writer.append(Tick(1, 2))
    first = writer.finish()
    writer.append(Tick(3, 4))
    second = writer.finish()
    assert type(first) is bytes
    assert (prices(first), prices(second)) == ([1], [3])


def test_its_own_buffer_grows_as_needed() -> None:
    writer = FrameWriter()
    for number in range(2000):
        writer.append(Note(number, "x" * (number % 50)))
    notes = [note for note in read_frame(writer.finish(), messages=MESSAGES) if isinstance(note, Note)]
    assert [(note.number, len(note.text)) for note in notes] == [(number, number % 50) for number in range(2000)]


def test_one_message_larger_than_the_buffer_makes_it_grow_at_once() -> None:
    writer = FrameWriter()
    writer.append(Note(1, "x" * 1_000_000))
    (note,) = read_frame(writer.finish(), messages=MESSAGES)
    assert isinstance(note, Note)
    assert note.text == "x" * 1_000_000


@zero_copy
def test_a_view_is_appended_as_it_stands() -> None:
    buffer = bytearray(b"......" + bytes(Tick(1, 2)) + b"....")
    view = Tick.ref_from(buffer, 6)
    writer = FrameWriter()
    writer.append(view)
    buffer[6] = 9
    writer.append(view)
    assert prices(writer.finish()) == [1, 9]


# Source, sequence and time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [0, 2**16 - 1])
def test_every_source_of_16_bits_is_taken(source: int) -> None:
    assert read_frame(FrameWriter(source=source).finish()).header.source == source


@pytest.mark.parametrize("source", [-1, 2**16, 1.5, "7", None])
def test_any_other_source_is_refused_at_once(source: Any) -> None:
    with pytest.raises(FieldValueError, match=r"FrameHeader\.source = .*outside 0\.\.65535") as told:
        FrameWriter(source=source)
    assert told.value.field == "source"


@pytest.mark.parametrize("sequence", [-1, 2**64, 0.0])
def test_a_sequence_outside_64_bits_is_refused_at_once(sequence: Any) -> None:
    with pytest.raises(FieldValueError, match=r"FrameHeader\.sequence"):
        FrameWriter(sequence=sequence)


def test_the_last_sequence_is_written_and_nothing_follows_it() -> None:
    writer = FrameWriter(sequence=2**64 - 1)
    assert read_frame(writer.finish()).header.sequence == 2**64 - 1
    writer.append(Tick(1, 2))
    with pytest.raises(FieldValueError, match=r"FrameHeader\.sequence"):
        writer.finish()
    writer.sequence = 0
    assert prices(writer.finish()) == [1]


@pytest.mark.parametrize("now", [-1, 2**64, 1.7e9])
def test_a_clock_that_is_off_is_told_and_the_frame_can_be_finished_later(now: Any) -> None:
    times = iter([now, 5])
    writer = FrameWriter(clock=lambda: next(times))
    writer.append(Tick(1, 2))
    with pytest.raises(FieldValueError, match=r"FrameHeader\.timestamp"):
        writer.finish()
    frame = writer.finish()
    assert (prices(frame), read_frame(frame).header.sequence) == ([1], 0)


# Emplace ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_emplace_writes_what_append_writes(message: TLV) -> None:
    appended, emplaced = FrameWriter(clock=lambda: 0), FrameWriter(clock=lambda: 0)
    appended.append(message)
    emplaced.emplace(type(message), **fields_of(message))
    assert (emplaced.size, emplaced.message_count) == (appended.size, 1)
    assert emplaced.finish() == appended.finish()


def test_emplace_takes_positions_names_and_defaults() -> None:
    writer = FrameWriter()
    writer.emplace(Tick, 1, venue_id=2)
    writer.emplace(Flag, 3)
    writer.emplace(Note, 4)
    writer.emplace(Heartbeat)
    assert list(read_frame(writer.finish(), messages=MESSAGES)) == [Tick(1, 2), Flag(3), Note(4), Heartbeat()]


@pytest.mark.parametrize("buffer", [None, bytearray(4096)], ids=["own buffer", "caller's buffer"])
def test_emplacing_a_bad_value_leaves_the_frame_as_it_was(buffer: bytearray | None) -> None:
    writer = FrameWriter(clock=lambda: 0, buffer=buffer)
    expected = FrameWriter(clock=lambda: 0)
    for one in (writer, expected):
        one.append(Tick(1, 2))
    with pytest.raises(FieldValueError, match=r"Tick\.venue_id = -1"):
        writer.emplace(Tick, price=7, venue_id=-1)
    with pytest.raises(FieldValueError, match=r"Note\.text"):
        writer.emplace(Note, 1, b"no text")
    with pytest.raises(TypeError, match="venue_id"):
        writer.emplace(Tick, price=7)
    assert writer.message_count == 1
    for one in (writer, expected):
        one.append(Tick(3, 4))
    assert writer.finish() == expected.finish()


def test_emplacing_into_any_buffer_writes_all_of_a_message_or_nothing() -> None:
    buffer = bytearray(b"\xff" * 20)
    with pytest.raises(FieldValueError, match=r"Tick\.venue_id"):
        Tick.emplace(buffer, 4, 1, 2**32)
    assert buffer == b"\xff" * 20
    assert Tick.emplace(buffer, 4, 1, 2) == 12
    assert buffer == b"\xff" * 4 + bytes(Tick(1, 2)) + b"\xff" * 4


# Room ------------------------------------------------------------------------------------------------------------


def test_a_message_that_has_no_room_is_refused_and_the_frame_stays_as_it_was() -> None:
    writer = FrameWriter(limits=Limits(frame_size=32 + 24 + 8))
    writer.append(Tick(1, 2))
    with pytest.raises(FrameFullError) as told:
        writer.append(Tick(3, 4))
    assert (told.value.message, told.value.needed, told.value.available) == ("Tick", 24, 8)
    assert told.value.retryable
    with pytest.raises(FrameFullError):
        writer.emplace(Tick, 3, 4)
    with pytest.raises(FrameFullError):
        writer.emplace(Note, 3, "text")
    assert (writer.size, writer.message_count) == (56, 1)
    writer.append(Heartbeat())  # what is left suffices for this one
    assert list(read_frame(writer.finish(), messages=MESSAGES)) == [Tick(1, 2), Heartbeat()]
    writer.append(Tick(3, 4))
    assert prices(writer.finish()) == [3]


def test_fits_says_beforehand_whether_append_would_take_a_message() -> None:
    writer = FrameWriter(limits=Limits(frame_size=200))
    numbers = 0
    for number in range(20):
        message = Note(number, "x" * number)
        if writer.fits(message):
            writer.append(message)
            numbers += 1
        else:
            with pytest.raises(FrameFullError):
                writer.append(message)
    assert numbers == writer.message_count
    assert 0 < numbers < 20
    assert len(writer.finish()) <= 200


def test_the_limit_is_for_the_whole_frame_to_the_byte() -> None:
    assert len(FrameWriter(limits=Limits(frame_size=32)).finish()) == 32
    exact, short = FrameWriter(limits=Limits(frame_size=56)), FrameWriter(limits=Limits(frame_size=55))
    exact.append(Tick(1, 2))
    with pytest.raises(FrameFullError):
        short.append(Tick(1, 2))


def test_by_default_a_frame_has_16_mib() -> None:
    writer = FrameWriter()
    half = Note(1, "x" * (8 * 1024 * 1024))
    writer.append(half)
    assert not writer.fits(half)
    assert writer.fits(Note(1, "x" * (7 * 1024 * 1024)))


@pytest.mark.parametrize("frame_size", [-1, 0, 31, 2**32 + 32])
def test_a_limit_that_no_frame_can_keep_is_refused(frame_size: int) -> None:
    with pytest.raises(FieldValueError, match=r"Limits\.frame_size"):
        Limits(frame_size=frame_size)


def test_a_plain_layout_cannot_be_appended() -> None:
    writer = FrameWriter()
    with pytest.raises(UntypedMessageError, match="Level is a plain layout"):
        writer.append(Level(1, 2))
    with pytest.raises(UntypedMessageError, match="Level is a plain layout"):
        writer.emplace(Level, 1, 2)
    assert writer.message_count == 0


# A caller's buffer -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["bytearray", "memoryview", "mmap", "shared memory"])
def target(request: pytest.FixtureRequest) -> Iterator[Any]:
    """1024 writable bytes, all 0xff."""
    if request.param == "bytearray":
        yield bytearray(b"\xff" * 1024)
    elif request.param == "memoryview":
        yield memoryview(bytearray(b"\xff" * 2048))[512:1536]
    elif request.param == "mmap":
        mapped = mmap.mmap(-1, 1024)
        mapped[:] = b"\xff" * 1024
        yield mapped
    else:
        shared = SharedMemory(create=True, size=1024)
        buf = shared.buf
        assert buf is not None
        buf[:1024] = b"\xff" * 1024
        try:
            yield buf
        finally:
            shared.unlink()
            buf.release()
            shared.close()


def test_a_frame_is_written_straight_into_the_callers_buffer(target: Any) -> None:
    writer = FrameWriter(buffer=target, clock=lambda: 5)
    writer.append(Tick(1, 2))
    writer.emplace(Flag, 3)
    frame = writer.finish()
    own = FrameWriter(clock=lambda: 5)
    own.append(Tick(1, 2))
    own.append(Flag(3))
    expected = own.finish()
    assert bytes(frame) == expected
    assert bytes(target[: len(expected)]) == expected
    assert bytes(target[len(expected) : 1024]) == b"\xff" * (1024 - len(expected)), "it wrote behind its end"
    del writer
    frame.release()


def test_what_finish_returns_is_the_callers_buffer_read_only(target: Any) -> None:
    writer = FrameWriter(buffer=target)
    writer.append(Tick(1, 2))
    frame = writer.finish()
    assert isinstance(frame, memoryview)
    assert frame.readonly
    target[32 + 8] = 9
    assert frame[32 + 8] == 9
    del writer
    frame.release()


def test_each_frame_begins_at_the_start_of_the_callers_buffer(target: Any) -> None:
    writer = FrameWriter(buffer=target)
    writer.append(Note(1, "x" * 100))
    first = bytes(writer.finish())
    writer.append(Note(2, "y"))
    second = bytes(writer.finish())
    assert [read_bytes(one)[0].sequence for one in (first, second)] == [0, 1]
    assert bytes(target[: len(second)]) == second
    del writer


def test_the_size_of_the_callers_buffer_is_a_limit() -> None:
    buffer = bytearray(32 + 24)
    writer = FrameWriter(buffer=buffer)
    writer.append(Tick(1, 2))
    with pytest.raises(FrameFullError) as told:
        writer.append(Heartbeat())
    assert told.value.available == 0
    assert prices(writer.finish()) == [1]
    assert prices(buffer) == [1]


def test_the_limits_hold_in_a_larger_buffer_too() -> None:
    writer = FrameWriter(buffer=bytearray(4096), limits=Limits(frame_size=56))
    writer.append(Tick(1, 2))
    assert not writer.fits(Heartbeat())


@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_buffer_smaller_than_a_header_is_refused(size: int) -> None:
    with pytest.raises(BufferSpaceError) as told:
        FrameWriter(buffer=bytearray(size))
    assert (told.value.needed, told.value.available) == (32, size)


@pytest.mark.parametrize(
    "make", [lambda: bytes(4096), lambda: memoryview(bytearray(4096)).toreadonly()], ids=["bytes", "read-only view"]
)
def test_a_buffer_that_cannot_be_written_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(BufferSpaceError):
        FrameWriter(buffer=make())


def test_what_is_no_flat_buffer_is_refused() -> None:
    released = memoryview(bytearray(64))
    released.release()
    for wrong in ("text", 64, memoryview(bytearray(128))[::2], released):
        with pytest.raises(BufferTypeError):
            FrameWriter(buffer=wrong)


def test_a_buffer_of_larger_items_is_bytes_all_the_same() -> None:
    buffer = memoryview(bytearray(64)).cast("Q")
    writer = FrameWriter(buffer=buffer)
    writer.append(Tick(1, 2))
    assert prices(writer.finish()) == [1]


def test_every_refusal_is_a_declared_error_that_survives_pickling() -> None:
    writer = FrameWriter(limits=Limits(frame_size=40))
    with pytest.raises(TLVError) as told:
        writer.append(Tick(1, 2))
    assert pickle.loads(pickle.dumps(told.value)) == told.value
