"""Frames as bytes: what is written and read equals an oracle that shares no line with the library."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frame_messages import MESSAGES, Flag, Heartbeat, Note, Tick
from tests.frame_oracle import Header, Tlv, frame_bytes, read_bytes
from tests.market_data_samples import SAMPLES, any_message
from tests.strategies import share
from tlv import TLV, FrameWriter, read_frame, read_frames

GOLDEN = Path(__file__).parent / "golden" / "market_data.frame"

headers = st.fixed_dictionaries(
    {
        "source": st.integers(0, 2**16 - 1),
        "sequence": st.integers(0, 2**64 - 1),
        "timestamp": st.integers(0, 2**64 - 1),
        "checksum": st.booleans(),
    }
)


def as_tlv(message: TLV) -> Tlv:
    assert message.type_id is not None
    return Tlv(message.type_id, bytes(message), message.layout.version)


def written(
    messages: list[TLV], source: int = 0, sequence: int = 0, timestamp: int = 0, *, checksum: bool = True
) -> bytes:
    writer = FrameWriter(source=source, sequence=sequence, checksum=checksum, clock=lambda: timestamp)
    for message in messages:
        writer.append(message)
    return bytes(writer.finish())


@share(0.5)
@given(st.lists(any_message(), max_size=12), headers)
def test_the_writer_writes_what_the_oracle_writes(messages: list[TLV], header: dict[str, Any]) -> None:
    assert written(messages, **header) == frame_bytes(map(as_tlv, messages), **header)


@share(0.5)
@given(st.lists(any_message(), max_size=12), headers)
def test_the_oracle_reads_what_the_writer_writes(messages: list[TLV], header: dict[str, Any]) -> None:
    told, tlvs = read_bytes(written(messages, **header))
    assert told == Header(header["source"], header["sequence"], header["timestamp"], int(header["checksum"]))
    assert tlvs == [as_tlv(message) for message in messages]


@share(0.5)
@given(st.lists(any_message(), max_size=12), headers)
def test_the_reader_reads_what_the_oracle_writes(messages: list[TLV], header: dict[str, Any]) -> None:
    frame = read_frame(frame_bytes(map(as_tlv, messages), **header))
    assert list(frame) == messages
    assert [frame.header.source, frame.header.sequence, frame.header.timestamp, frame.header.flags] == [
        header["source"],
        header["sequence"],
        header["timestamp"],
        int(header["checksum"]),
    ]


@share(0.5)
@given(
    st.lists(
        st.one_of(
            st.builds(Tick, st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**32 - 1)),
            st.builds(Flag, st.integers(0, 255)),
            st.builds(Note, st.integers(0, 2**32 - 1), st.text(max_size=20)),
            st.builds(Heartbeat),
        ),
        max_size=20,
    )
)
def test_messages_of_every_alignment_come_back(messages: list[TLV]) -> None:
    frame = written(messages)
    assert frame == frame_bytes(map(as_tlv, messages))
    assert list(read_frame(frame, messages=MESSAGES)) == messages


@given(st.lists(st.lists(any_message(), max_size=3), max_size=4))
def test_frames_follow_each_other_without_a_gap(frames: list[list[TLV]]) -> None:
    together = b"".join(frame_bytes(map(as_tlv, messages), sequence=i) for i, messages in enumerate(frames))
    assert [list(frame) for frame in read_frames(together)] == frames


def test_a_frame_is_exactly_these_bytes() -> None:
    writer = FrameWriter(source=0x0102, sequence=0x0304, clock=lambda: 0x0506)
    writer.append(Tick(price=-2, venue_id=7))
    without_checksum = bytes.fromhex(
        "4d59434c" "01" "01" "0201" "0403000000000000" "0605000000000000" "18000000" "00000000"
        "e803" "01" "00" "0c000000" "feffffffffffffff" "07000000" "00000000"
    )  # fmt: skip
    crc = struct.pack("<I", zlib.crc32(without_checksum))
    assert writer.finish() == without_checksum[:28] + crc + without_checksum[32:]


def test_without_a_checksum_its_flag_and_field_are_zero() -> None:
    frame = written([Tick(1, 2)], checksum=False)
    assert frame[5] == 0
    assert frame[28:32] == bytes(4)
    assert read_frame(frame).header.checksum == 0


def test_the_schema_version_of_each_message_is_in_its_header() -> None:
    class Later(TLV, type=1000, version=200):
        pass

    assert read_bytes(written([Later(), Tick(1, 2)]))[1] == [Tlv(1000, b"", 200), as_tlv(Tick(1, 2))]


def test_old_frames_stay_readable() -> None:
    """The file was written once: when this fails, recordings out there cannot be read any more."""
    frame = read_frame(GOLDEN.read_bytes())
    assert list(frame) == list(SAMPLES)
    assert (frame.header.source, frame.header.sequence, frame.header.timestamp) == (7, 42, 1_700_000_000_000_000_000)


def test_frames_of_today_are_the_frames_of_old() -> None:
    assert written(list(SAMPLES), 7, 42, 1_700_000_000_000_000_000) == GOLDEN.read_bytes()


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_every_payload_starts_and_ends_at_a_multiple_of_eight(message: TLV) -> None:
    writer = FrameWriter()
    writer.append(message)
    assert writer.size % 8 == 0
    assert writer.size == 32 + 8 + len(bytes(message))
