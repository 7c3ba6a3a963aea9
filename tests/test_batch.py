"""Batches: runs of one type in a frame, as sequences of messages."""

from __future__ import annotations

import gc
import struct
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.frame_messages import MESSAGES, Flag, Heartbeat, Level, Note, Tick
from tests.frame_oracle import Tlv, frame_bytes
from tests.market_data_samples import SAMPLES
from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    Batch,
    ColumnsShapeError,
    DeclarationError,
    FieldBoundsError,
    Frame,
    FrameContentError,
    FrameWriter,
    i64,
    read_frame,
    u32,
)


def frame_of(*messages: TLV, known: Sequence[type[TLV]] = MESSAGES) -> Frame:
    writer = FrameWriter()
    for message in messages:
        writer.append(message)
    return read_frame(writer.finish(), messages=known)


def ticks(*prices: int) -> list[Tick]:
    return [Tick(price, 0) for price in prices]


def runs(frame: Frame) -> list[tuple[type[TLV], list[TLV]]]:
    return [(batch.message_type, list(batch)) for batch in frame.batches()]


# Runs -------------------------------------------------------------------------------------------------------------


def test_a_run_of_one_type_is_one_batch() -> None:
    (batch,) = frame_of(*ticks(1, 2, 3)).batches()
    assert batch.message_type is Tick
    assert list(batch) == ticks(1, 2, 3)
    assert repr(batch) == "Batch(Tick x 3)"


def test_runs_follow_each_other_in_the_order_of_the_frame() -> None:
    frame = frame_of(*ticks(1, 2), Flag(3), *ticks(4), Heartbeat(), Heartbeat())
    assert runs(frame) == [
        (Tick, ticks(1, 2)),
        (Flag, [Flag(3)]),
        (Tick, ticks(4)),
        (Heartbeat, [Heartbeat(), Heartbeat()]),
    ]


def test_an_empty_frame_has_no_batches() -> None:
    assert list(frame_of().batches()) == []


def test_an_unknown_type_ends_a_run() -> None:
    """The messages around it are no longer one step apart."""
    frame = frame_of(*ticks(1, 2), Flag(3), *ticks(4, 5), known=[Tick])
    assert runs(frame) == [(Tick, ticks(1, 2)), (Tick, ticks(4, 5))]
    assert frame.unknown == 1


def test_an_unknown_type_of_the_same_size_ends_a_run_too() -> None:
    class Other(TLV, type=1999):
        bytes_: Tick

    frame = frame_of(Tick(1, 0), Other(Tick(2, 0)), Tick(3, 0), known=[Tick])
    assert runs(frame) == [(Tick, ticks(1)), (Tick, ticks(3))]


def test_messages_of_a_newer_sender_are_a_run_of_their_own_step() -> None:
    old, new = Tlv(1000, bytes(Tick(1, 0))), Tlv(1000, bytes(Tick(2, 0)) + bytes(20), 2)
    frame = read_frame(frame_bytes([old, old, new, new, new, old]), messages=MESSAGES)
    assert runs(frame) == [(Tick, ticks(1, 1)), (Tick, ticks(2, 2, 2)), (Tick, ticks(1))]
    assert frame.newer == 3


def test_variable_messages_of_one_length_are_a_run() -> None:
    frame = frame_of(Note(1, "one"), Note(2, "two"), Note(3, "", [Level(1, 2)]), Note(4, "", [Level(3, 4)]))
    assert runs(frame) == [
        (Note, [Note(1, "one"), Note(2, "two")]),
        (Note, [Note(3, "", [Level(1, 2)]), Note(4, "", [Level(3, 4)])]),
    ]


def test_variable_messages_that_end_unaligned_are_read_to_their_length() -> None:
    payload = bytes(Note(3, "three"))
    payload = payload[: payload.index(b"three") + 5]
    frame = read_frame(frame_bytes([Tlv(1002, payload)] * 2), messages=MESSAGES)
    (batch,) = frame.batches()
    assert [message.as_bytes() for message in batch] == [message.as_bytes() for message in frame] == [payload] * 2
    assert batch[1].as_bytes() == payload


@given(st.lists(st.sampled_from([*SAMPLES]), max_size=30))
def test_batches_hold_what_iterating_gives(messages: list[TLV]) -> None:
    writer = FrameWriter()
    for message in messages:
        writer.append(message)
    batches = list(read_frame(writer.finish()).batches())
    assert [message for batch in batches for message in batch] == messages
    expected = [(kind, len(list(run))) for kind, run in groupby(messages, key=type)]
    assert [(batch.message_type, len(batch)) for batch in batches] == expected


class Sixteen(TLV, type=1016):
    """As far from Tick as makes the compiled core look both up in one place of its table."""

    price: i64
    venue_id: u32


SOME: list[TLV] = [Tick(1, 0), Sixteen(2, 0), Flag(3), Heartbeat(), Note(4)]


@given(st.lists(st.sampled_from(SOME), max_size=25))
def test_runs_are_those_of_the_types_that_are_known(messages: list[TLV]) -> None:
    """Unknown ones between them end a run; the counts are those of a walk."""
    known = (Tick, Sixteen, Heartbeat)
    frame = frame_of(*messages, known=known)
    expected = [(kind, list(run)) for kind, run in groupby(messages, key=type) if kind in known]
    assert runs(frame) == expected
    assert frame.unknown == sum(type(one) not in known for one in messages)


def test_a_run_that_is_cut_off_is_not_told() -> None:
    tick = Tlv(1000, bytes(Tick(1, 0)))
    data = bytearray(frame_bytes([tick, tick, Tlv(1001, bytes(Flag(1))), tick], checksum=False))
    data[-20:-16] = struct.pack("<I", 0xFFFF_FFFF)
    batches = read_frame(data, messages=MESSAGES).batches()
    assert len(next(batches)) == 2
    with pytest.raises(FrameContentError, match="it ends after the frame"):
        next(batches)
    assert next(batches, None) is None


def test_a_damaged_message_is_told_before_its_batch_comes() -> None:
    note = struct.pack("<III", 1, 0xFFFFFFFF, 9) + bytes(8)
    frame = read_frame(frame_bytes([Tlv(1000, bytes(Tick(1, 0))), Tlv(1002, note)]), messages=MESSAGES)
    with pytest.raises(FieldBoundsError):
        list(frame.batches())


# A sequence of messages ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["of a frame", "of messages", "of variable messages"])
def batch(request: pytest.FixtureRequest) -> Batch[Any]:
    """Five messages, numbered 0 to 4."""
    if request.param == "of messages":
        return Batch.of([Tick(number, 0) for number in range(5)])
    fixed = request.param == "of a frame"
    (made,) = frame_of(*[Tick(number, 0) if fixed else Note(number) for number in range(5)]).batches()
    return made


def number(message: Any) -> int:
    return message.price if isinstance(message, Tick) else message.number


def numbers(messages: Any) -> list[int]:
    return [number(message) for message in messages]


def test_it_has_a_length_and_can_be_iterated_again(batch: Batch[Any]) -> None:
    assert len(batch) == 5
    assert numbers(batch) == numbers(batch) == [0, 1, 2, 3, 4]
    assert numbers(reversed(batch)) == [4, 3, 2, 1, 0]


def test_it_is_indexed_from_both_ends(batch: Batch[Any]) -> None:
    assert [number(batch[at]) for at in (0, 4, -1, -5)] == [0, 4, 4, 0]
    for at in (5, -6, 100):
        with pytest.raises(IndexError, match=f"message {at} of a batch of 5"):
            batch[at]


@pytest.mark.parametrize(
    "cut", [slice(None), slice(1, 3), slice(-2, None), slice(None, None, -1), slice(0, 5, 2), slice(3, 1), slice(9, 99)]
)
def test_its_slices_are_those_of_a_list(batch: Batch[Any], cut: slice) -> None:
    assert numbers(batch[cut]) == list(range(5))[cut]


def test_it_is_a_sequence_in_every_way(batch: Batch[Any]) -> None:
    assert isinstance(batch, Sequence)
    assert batch[2] in batch
    assert batch.index(batch[3]) == 3
    assert batch.count(batch[0]) == 1
    assert batch


# Batch.of ---------------------------------------------------------------------------------------------------------


def test_a_batch_of_messages_gives_these_messages_back() -> None:
    given_messages = ticks(1, 2, 3)
    batch = Batch.of(iter(given_messages))
    assert batch.message_type is Tick
    assert all(one is other for one, other in zip(batch, given_messages, strict=True))
    assert batch[1] is given_messages[1]


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(DeclarationError, match="got nothing"):
        Batch.of([])


def test_a_batch_of_several_types_is_refused() -> None:
    mixed: list[TLV] = [Tick(1, 2), Flag(3)]
    with pytest.raises(DeclarationError, match="got Flag, Tick"):
        Batch.of(mixed)


# Memory -----------------------------------------------------------------------------------------------------------


@zero_copy
def test_messages_of_a_batch_read_what_the_buffer_holds_now() -> None:
    writer = FrameWriter()
    for tick in ticks(1, 2):
        writer.append(tick)
    buffer = bytearray(writer.finish())
    (batch,) = read_frame(buffer, messages=MESSAGES).batches()
    view = batch[1]
    buffer[32 + 24 + 8] = 99
    assert view == batch[1] == Tick(99, 0)
    assert numbers(batch) == [1, 99]


def test_a_batch_keeps_the_bytes_of_its_frame() -> None:
    (batch,) = frame_of(*ticks(*range(1000))).batches()
    gc.collect()
    assert numbers(batch) == list(range(1000))


def test_a_column_that_does_not_exist_names_those_that_do() -> None:
    pytest.importorskip("numpy")
    (batch,) = frame_of(*ticks(1)).batches()
    with pytest.raises(ColumnsShapeError, match=r"Tick\.prize has no column: the columns are price, venue_id"):
        batch.column("prize")
