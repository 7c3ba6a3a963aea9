"""SequenceTracker: gaps and repeats of frames, for each source by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tlv import FrameHeader, FrameWriter, SequenceGapError, SequenceRepeatError, SequenceTracker, read_frames


def header(source: int, sequence: int) -> FrameHeader:
    return FrameHeader(0x4C43594D, 1, 0, source, sequence, 0, 0, 0)


def test_frames_in_order_are_no_problem() -> None:
    writer = FrameWriter(source=7, sequence=1000)
    tracker = SequenceTracker()
    data = b"".join(writer.finish() for _ in range(5))
    assert [tracker.observe(frame.header) for frame in read_frames(data)] == [None] * 5
    assert (tracker.gaps, tracker.repeats) == (0, 0)


def test_the_first_frame_of_a_source_may_have_any_number() -> None:
    assert SequenceTracker().observe(header(1, 2**64 - 1)) is None


def test_a_gap_tells_how_many_frames_are_missing() -> None:
    tracker = SequenceTracker()
    tracker.observe(header(7, 10))
    assert tracker.observe(header(7, 14)) == SequenceGapError(origin=7, expected=11, got=14, missing=3)
    assert tracker.gaps == 3
    assert tracker.observe(header(7, 15)) is None


def test_a_frame_that_comes_again_is_told_and_changes_nothing() -> None:
    tracker = SequenceTracker()
    for sequence in (10, 11, 12):
        tracker.observe(header(7, sequence))
    for late in (12, 10, 3):
        assert tracker.observe(header(7, late)) == SequenceRepeatError(origin=7, expected=13, got=late)
    assert tracker.repeats == 3
    assert tracker.observe(header(7, 13)) is None


def test_a_gap_can_be_asked_for_again_and_a_repeat_cannot() -> None:
    tracker = SequenceTracker()
    tracker.observe(header(1, 0))
    gap, repeat = tracker.observe(header(1, 5)), tracker.observe(header(1, 5))
    assert gap is not None
    assert gap.retryable
    assert "4 frames are missing" in str(gap)
    assert repeat is not None
    assert not repeat.retryable


def test_each_source_counts_by_itself() -> None:
    tracker = SequenceTracker()
    for source in (1, 2, 3):
        assert tracker.observe(header(source, source * 100)) is None
    for source in (3, 1, 2):
        assert tracker.observe(header(source, source * 100 + 1)) is None
    assert tracker.observe(header(2, 205)) is not None
    assert tracker.observe(header(1, 102)) is None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12))))
def test_it_agrees_with_a_model_over_any_order_of_frames(frames: list[tuple[int, int]]) -> None:
    """The model keeps what came of each source; what is expected is one more than the highest."""
    tracker = SequenceTracker()
    came: dict[int, list[int]] = {}
    gaps = repeats = 0
    for source, sequence in frames:
        earlier = came.setdefault(source, [])
        problem = tracker.observe(header(source, sequence))
        if not earlier or sequence == max(earlier) + 1:
            assert problem is None
        elif sequence <= max(earlier):
            assert problem == SequenceRepeatError(origin=source, expected=max(earlier) + 1, got=sequence)
            repeats += 1
        else:
            missing = sequence - max(earlier) - 1
            assert problem == SequenceGapError(origin=source, expected=max(earlier) + 1, got=sequence, missing=missing)
            gaps += missing
        earlier.append(sequence)
    assert (tracker.gaps, tracker.repeats) == (gaps, repeats)
