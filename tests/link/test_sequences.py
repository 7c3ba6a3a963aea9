"""Gaps, repeats and late frames are told from the numbers of frames, as a model with sets tells them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mycelium.errors.link import FrameLateError
from mycelium.link import FrameSequences, SequenceCounts
from tlv import FrameHeader, SequenceGapError, SequenceRepeatError


def header(sequence: int, source: int = 7) -> FrameHeader:
    return FrameHeader(
        magic=0, version=1, flags=0, source=source, sequence=sequence, timestamp=0, payload_size=0, checksum=0
    )


def test_frames_in_order_are_as_they_should_be() -> None:
    sequences = FrameSequences("a to b")
    assert [sequences.observe(header(number)) for number in range(5, 15)] == [None] * 10
    assert sequences.counts() == SequenceCounts()


def test_a_gap_names_what_is_missing_and_a_late_frame_fills_it() -> None:
    sequences = FrameSequences("a to b")
    sequences.observe(header(0))
    assert sequences.observe(header(4)) == SequenceGapError(origin=7, expected=1, got=4, missing=3)
    assert sequences.observe(header(2)) == FrameLateError(link="a to b", origin=7, expected=5, got=2)
    assert sequences.observe(header(2)) == SequenceRepeatError(origin=7, expected=5, got=2)
    assert sequences.observe(header(5)) is None
    assert sequences.counts() == SequenceCounts(missing=2, repeated=1, late=1)


def test_each_source_has_its_own_numbers() -> None:
    sequences = FrameSequences("a to b")
    for number in range(3):
        assert sequences.observe(header(number, source=1)) is None
        assert sequences.observe(header(100 + number, source=2)) is None
    sequences.observe(header(200, source=2))
    assert sequences.counts(1) == SequenceCounts()
    assert sequences.counts(2) == SequenceCounts(missing=97)
    assert sequences.counts(3) == SequenceCounts()
    assert list(sequences) == [1, 2]


def test_a_source_that_begins_anew_keeps_its_counts() -> None:
    sequences = FrameSequences("a to b")
    for number in (50, 60):
        sequences.observe(header(number))
    sequences.forget(7)
    sequences.forget(8)
    assert sequences.observe(header(0)) is None
    assert sequences.observe(header(1)) is None
    assert sequences.counts() == SequenceCounts(missing=9)


def test_memory_is_bounded_and_the_oldest_gaps_are_forgotten_first() -> None:
    sequences = FrameSequences("a to b")
    for number in range(0, 2000, 2):
        sequences.observe(header(number))
    assert isinstance(sequences.observe(header(1)), SequenceRepeatError)
    assert isinstance(sequences.observe(header(1997)), FrameLateError)
    assert sequences.counts() == SequenceCounts(missing=998, repeated=1, late=1)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_any_order_of_numbers_is_told_as_a_model_with_sets_tells_it(numbers: list[int]) -> None:
    sequences = FrameSequences("a to b")
    seen: set[int] = set()
    missing: set[int] = set()
    repeated = late = 0
    for number in numbers:
        problem = sequences.observe(header(number))
        highest = max(seen, default=number - 1)
        if number > highest:
            assert (problem is None) == (number == highest + 1)
            missing |= set(range(highest + 1, number))
        elif number in missing:
            assert isinstance(problem, FrameLateError)
            missing.remove(number)
            late += 1
        else:
            assert isinstance(problem, SequenceRepeatError)
            repeated += 1
        seen.add(number)
    assert sequences.counts() == SequenceCounts(missing=len(missing), repeated=repeated, late=late)
