"""Watching the sequence numbers of frames: gaps and repeats are told, never hidden."""

from __future__ import annotations

from .errors import SequenceGapError, SequenceRepeatError
from .frame import FrameHeader

__all__ = ["SequenceTracker"]


class SequenceTracker:
    """Expects each source's frames one after the other.

    ::

        tracker = SequenceTracker()
        problem = tracker.observe(frame.header)
        if problem is not None:
            log.warning("sequence", **problem.to_dict())

    ``gaps`` counts missing frames, ``repeats`` those that came again or late, over all sources.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self.repeats = 0
        self._expected: dict[int, int] = {}

    def observe(self, header: FrameHeader) -> SequenceGapError | SequenceRepeatError | None:
        """Take note of a frame; returns what is wrong with its number, or ``None``."""
        expected = self._expected.get(header.source, header.sequence)
        if header.sequence < expected:
            self.repeats += 1
            return SequenceRepeatError(origin=header.source, expected=expected, got=header.sequence)
        self._expected[header.source] = header.sequence + 1
        missing = header.sequence - expected
        if missing == 0:
            return None
        self.gaps += missing
        return SequenceGapError(origin=header.source, expected=expected, got=header.sequence, missing=missing)
