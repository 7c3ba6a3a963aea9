"""Bytes that are no good frame: a declared error or valid views, and never anything else.

10,000 random cases of four shapes, every prefix and every tail of a real frame, every byte of it changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.frame_messages import MESSAGES, Note, Tick
from tests.frame_oracle import Tlv, frame_bytes, sealed
from tests.market_data_samples import SAMPLES
from tests.strategies import share
from tlv import (
    TLV,
    Batch,
    BufferTypeError,
    ChecksumError,
    FieldBoundsError,
    FrameContentError,
    FrameHeaderError,
    FrameLimitError,
    FrameTruncatedError,
    FrameVersionError,
    TLVError,
    read_frame,
    read_frames,
)
from tlv.market_data import MARKET_DATA_MESSAGES

ALL_TYPES = (*MARKET_DATA_MESSAGES, *MESSAGES)
REAL = frame_bytes([Tlv(message.type_id or 0, bytes(message)) for message in SAMPLES], source=3, sequence=9)
UNSEALED = REAL[:5] + b"\0" + REAL[6:28] + bytes(4) + REAL[32:]


def everything_in(message: TLV) -> None:
    """Read all that can be read."""
    message.to_dict()
    bytes(message)


def read_all(data: Any, offset: int = 0) -> list[TLV] | None:
    """The messages of the frame, walked in every way; nothing where a declared error said so."""
    try:
        frame = read_frame(data, offset, messages=ALL_TYPES)
        messages = list(frame)
        assert frame.dispatch(dict.fromkeys(ALL_TYPES, everything_in)) == len(messages)
        batches: list[Batch[TLV]] = list(frame.batches())
        assert [message for batch in batches for message in batch] == messages
        for message in messages:
            message.validate()
    except TLVError:
        return None
    return messages


def test_the_real_frame_is_good() -> None:
    assert read_all(REAL) == read_all(UNSEALED) == list(SAMPLES)


@pytest.mark.parametrize("frame", [REAL, UNSEALED], ids=["with checksum", "without checksum"])
def test_every_prefix_of_a_frame_is_told_to_be_cut(frame: bytes) -> None:
    view = memoryview(frame)
    for size in range(len(frame)):
        with pytest.raises(FrameTruncatedError) as told:
            read_frame(view[:size])
        assert told.value.available == size
        assert told.value.needed == (32 if size < 32 else len(frame))
        assert told.value.retryable


@pytest.mark.parametrize("frame", [REAL, UNSEALED], ids=["with checksum", "without checksum"])
def test_every_tail_of_a_frame_is_refused(frame: bytes) -> None:
    for start in range(1, len(frame)):
        with pytest.raises((FrameHeaderError, FrameTruncatedError)):
            read_frame(frame, start)


def corrupted(frame: bytes, values: Any) -> Iterator[tuple[int, bytearray]]:
    """The frame with one byte changed, for every byte and each of the changes."""
    changed = bytearray(frame)
    for at, was in enumerate(frame):
        for value in values(was):
            if value != was:
                changed[at] = value
                yield at, changed
        changed[at] = was


def test_every_change_of_one_byte_is_found_by_the_checksum() -> None:
    """But for the flag that says that there is one: without it the messages are right all the same."""
    flips = [1 << bit for bit in range(8)] + [0xFF]
    for at, frame in corrupted(REAL, lambda was: [was ^ flip for flip in flips]):
        try:
            messages = list(read_frame(frame))
        except TLVError:
            continue
        assert at == 5, f"byte {at} was changed and nothing told it"
        assert messages == list(SAMPLES)


def test_every_value_of_every_header_byte_is_refused_or_harmless() -> None:
    for at, frame in corrupted(REAL[:32], lambda _: range(256)):
        messages = read_all(bytes(frame) + REAL[32:])
        assert messages is None or (at == 5 and messages == list(SAMPLES))


def test_without_a_checksum_every_change_of_one_byte_gives_views_or_a_declared_error() -> None:
    for _, frame in corrupted(UNSEALED, lambda was: (was ^ 0x81, 0xFF)):
        read_all(frame)


@share(20)
@given(st.binary(max_size=200), st.integers(-8, 208))
@example(b"", 0)
@example(b"MYCL", 0)
def test_random_bytes_are_refused(data: bytes, offset: int) -> None:
    assert read_all(data, offset) is None
    with pytest.raises(TLVError):
        list(read_frames(data + b"\1", offset % (len(data) + 1)))


@share(15)
@given(st.binary(max_size=160), st.booleans())
def test_random_payloads_give_views_or_a_declared_error(payload: bytes, checksum: bool) -> None:
    read_all(sealed(payload + bytes(-len(payload) % 8), checksum=checksum))


tlvs = st.builds(
    Tlv,
    st.sampled_from([message.type_id or 0 for message in ALL_TYPES]) | st.integers(0, 2**16 - 1),
    st.binary(max_size=320),
    st.integers(0, 255),
    st.integers(0, 255),
)


@share(15)
@given(st.lists(tlvs, max_size=4))
def test_random_messages_give_views_or_a_declared_error(drawn: list[Tlv]) -> None:
    read_all(frame_bytes(drawn))


@share(5)
@given(st.lists(tlvs, max_size=4), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8))
def test_random_changes_of_frames_give_views_or_a_declared_error(
    drawn: list[Tlv], changes: list[tuple[int, int]]
) -> None:
    frame = bytearray(frame_bytes(drawn, checksum=False))
    for at, value in changes:
        frame[at % len(frame)] = value
    read_all(frame)
    read_all(bytes(frame))


# Hostile numbers --------------------------------------------------------------------------------------------------


def header(payload_size: int, *, magic: bytes = b"MYCL", version: int = 1, flags: int = 0) -> bytes:
    return magic + struct.pack("<BBHQQII", version, flags, 0, 0, 0, payload_size, 0)


@pytest.mark.parametrize("payload_size", [2**32 - 1, 2**32 - 8, 2**31, 16 * 1024 * 1024])
def test_a_payload_size_over_the_limit_is_refused_by_the_limit(payload_size: int) -> None:
    with pytest.raises(FrameLimitError):
        read_frame(header(payload_size) + bytes(64))


@pytest.mark.parametrize("payload_size", [1, 7, 9, 12, 63])
def test_a_payload_size_that_is_no_multiple_of_eight_is_refused(payload_size: int) -> None:
    with pytest.raises(FrameHeaderError, match="no multiple of 8"):
        read_frame(header(payload_size) + bytes(64))


@pytest.mark.parametrize("magic", [b"\0\0\0\0", b"LCYM", b"mycl", b"MYCM"])
def test_another_magic_is_refused(magic: bytes) -> None:
    with pytest.raises(FrameHeaderError, match="magic"):
        read_frame(header(0, magic=magic))


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_wire_version_is_refused(version: int) -> None:
    with pytest.raises(FrameVersionError) as told:
        read_frame(header(0, version=version))
    assert (told.value.version, told.value.known) == (version, 1)


def test_a_wrong_checksum_tells_both() -> None:
    frame = bytearray(REAL)
    frame[28:32] = bytes(4)
    stored = int.from_bytes(REAL[28:32], "little")
    with pytest.raises(ChecksumError) as told:
        read_frame(frame)
    assert (told.value.offset, told.value.stored, told.value.computed) == (0, 0, stored)
    assert told.value.retryable


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0xFFFFFFF8, 0x7FFFFFFF, 17, 25])
def test_a_length_behind_the_end_of_the_frame_is_refused(length: int) -> None:
    payload = struct.pack("<HBBI", 1000, 1, 0, length) + bytes(16)
    frame = read_frame(sealed(payload), messages=MESSAGES)
    for walk in (lambda: list(frame), lambda: frame.dispatch({Tick: print}), lambda: list(frame.batches())):
        with pytest.raises(FrameContentError, match="ends after the frame") as told:
            walk()
        assert (told.value.offset, told.value.type_id, told.value.length) == (32, 1000, length)


def test_a_length_behind_the_end_is_refused_for_unknown_types_too() -> None:
    payload = struct.pack("<HBBI", 65_535, 1, 0, 0xFFFFFFFF)
    with pytest.raises(FrameContentError):
        list(read_frame(sealed(payload)))


def test_good_messages_come_before_the_error() -> None:
    bad = struct.pack("<HBBI", 1000, 1, 0, 0xFFFFFFFF)
    good = frame_bytes([Tlv(1000, bytes(Tick(1, 2)))])[32:]
    seen: list[TLV] = []
    frame = read_frame(sealed(good + bad), messages=MESSAGES)
    with pytest.raises(FrameContentError):
        seen.extend(frame)
    assert seen == [Tick(1, 2)]


@pytest.mark.parametrize(
    ("offset", "count"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0, 0xFFFFFFFF),
        (24, 0xFFFFFFFF),
        (0xFFFFFFF8, 1),
        (25, 8),
        (32, 1),
    ],
)
def test_variable_data_behind_the_end_of_its_message_is_refused(offset: int, count: int) -> None:
    """Also where the frame goes on behind it."""
    payload = struct.pack("<I", 1) + struct.pack("<II", offset, count) + bytes(8) + bytes(12)
    frame = read_frame(frame_bytes([Tlv(1002, payload), Tlv(1000, bytes(Tick(1, 2)))]), messages=MESSAGES)
    for walk in (lambda: list(frame), lambda: frame.dispatch({Note: print}), lambda: list(frame.batches())):
        with pytest.raises(FieldBoundsError, match=r"Note\.text") as told:
            walk()
        assert told.value.available == 32


@pytest.mark.parametrize(
    ("count", "item_size"),
    [(0xFFFFFFFF, 16), (65_536, 16), (2, 16), (1, 15), (1, 0), (1, 0xFFFFFFFF), (65_535, 0xFFFFFFFF), (0xFFFFFFFF, 0)],
)
def test_a_group_that_does_not_fit_its_message_is_refused(count: int, item_size: int) -> None:
    payload = struct.pack("<III", 1, 0, 0) + struct.pack("<II", 24, count) + bytes(4)
    payload += struct.pack("<II", item_size, 0) + bytes(16)
    frame = read_frame(frame_bytes([Tlv(1002, payload)]), messages=MESSAGES)
    with pytest.raises(FieldBoundsError, match=r"Note\.levels"):
        list(frame)


def test_two_million_empty_messages_are_walked_and_counted() -> None:
    """As many as a frame can hold; nothing is kept for any of them."""
    count = (16 * 1024 * 1024 - 32) // 8
    frame = read_frame(sealed(struct.pack("<HBBI", 9, 0, 0, 0)[:2].ljust(8, b"\0") * count), messages=[Tick])
    assert list(frame) == []
    assert frame.unknown == count


# What is no buffer ------------------------------------------------------------------------------------------------


def test_what_is_no_flat_buffer_is_refused() -> None:
    released = memoryview(REAL)
    released.release()
    for wrong in (None, 7, "text", [REAL], memoryview(REAL * 2)[::2], memoryview(REAL)[::-1], released):
        with pytest.raises(BufferTypeError, match="Frame"):
            read_frame(wrong)  # type: ignore[arg-type]
        with pytest.raises(BufferTypeError, match="Frame"):
            list(read_frames(wrong))  # type: ignore[arg-type]


def test_a_read_only_buffer_is_as_good_as_any() -> None:
    assert list(read_frame(memoryview(bytearray(REAL)).toreadonly())) == list(SAMPLES)


def test_offsets_far_out_are_told() -> None:
    for offset in (len(REAL), len(REAL) + 1, 2**63, 2**70):
        with pytest.raises(FrameTruncatedError) as told:
            read_frame(REAL, offset)
        assert told.value.available == 0
    for offset in (-1, -len(REAL), -(2**70)):
        with pytest.raises(FrameHeaderError, match="negative"):
            read_frame(REAL, offset)
