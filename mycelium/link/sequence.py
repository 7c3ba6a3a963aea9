"""Whether the frames of a channel came all, once and in order: by the source and sequence of their headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mycelium.errors.link import FrameLateError
from tlv import FrameHeader, SequenceGapError, SequenceRepeatError

__all__ = ["FrameSequences", "SequenceCounts", "SequenceError"]

#: What can be wrong with the number of a frame.
SequenceError = SequenceGapError | SequenceRepeatError | FrameLateError

#: So many runs of missing numbers are remembered for a source: enough to tell a late frame from one that came twice.
_GAPS_REMEMBERED = 64


class SequenceCounts(NamedTuple):
    """What was wrong with the numbers, in frames.

    Attributes:
        missing: Were passed over, and have not come since.
        repeated: Came again; their messages must not be handled twice.
        late: Were missing, and came behind later ones.
    """

    missing: int = 0
    repeated: int = 0
    late: int = 0


class FrameSequences:
    """Expects the frames of each source one after the other, as one receiver gets them.

    ::

        sequences = FrameSequences("feeds to books")
        problem = sequences.observe(frame.header)
        if problem is not None:
            report(problem)
        if not isinstance(problem, SequenceRepeatError):
            deliver(frame)

    The first frame of a source says where it begins. It remembers the last 64 gaps of each source: a
    frame of an older one counts as repeated. It takes no lock: one thread uses it.
    """

    def __init__(self, link: str) -> None:
        self.link = link
        self._sources: dict[int, _Source] = {}

    def observe(self, header: FrameHeader) -> SequenceError | None:
        """Take note of a frame; returns what is wrong with its number, or ``None``."""
        source = self._sources.get(header.source)
        if source is None:
            source = self._sources[header.source] = _Source()
        if not source.begun:
            source.begin(header.sequence)
        if header.sequence == source.expected:
            source.expected += 1
            return None
        return self._unexpected(source, header)

    def _unexpected(self, source: _Source, header: FrameHeader) -> SequenceError:
        origin, got, expected = header.source, header.sequence, source.expected
        if got > expected:
            source.pass_over(expected, got)
            return SequenceGapError(origin=origin, expected=expected, got=got, missing=got - expected)
        if source.fill(got):
            return FrameLateError(link=self.link, origin=origin, expected=expected, got=got)
        source.repeated += 1
        return SequenceRepeatError(origin=origin, expected=expected, got=got)

    def forget(self, source: int) -> None:
        """Let a source begin anew, where its node was started again. The counts stay."""
        if source in self._sources:
            self._sources[source].begun = False

    def counts(self, source: int | None = None) -> SequenceCounts:
        """What was wrong with the frames of one source, or of all."""
        sources: list[_Source] = list(self._sources.values())
        if source is not None:
            sources = [self._sources[source]] if source in self._sources else []
        return SequenceCounts(
            missing=sum(one.missing for one in sources),
            repeated=sum(one.repeated for one in sources),
            late=sum(one.late for one in sources),
        )

    def __iter__(self) -> Iterator[int]:
        """The sources from which frames came."""
        return iter(self._sources)


class _Source:
    """What is known of one source. ``gaps`` are runs of missing numbers, each ``[first, end)``, oldest first."""

    __slots__ = ("begun", "expected", "gaps", "late", "missing", "repeated")

    def __init__(self) -> None:
        self.begun = False
        self.expected = 0
        self.gaps: list[tuple[int, int]] = []
        self.missing = 0
        self.repeated = 0
        self.late = 0

    def begin(self, first: int) -> None:
        self.begun = True
        self.expected = first
        self.gaps = []

    def pass_over(self, first: int, got: int) -> None:
        self.missing += got - first
        self.gaps = [*self.gaps, (first, got)][-_GAPS_REMEMBERED:]
        self.expected = got + 1

    def fill(self, got: int) -> bool:
        """Whether the number is one of those that are missing; it is not, from then on."""
        for place, (first, end) in enumerate(self.gaps):
            if first <= got < end:
                self.gaps[place : place + 1] = [run for run in ((first, got), (got + 1, end)) if run[0] < run[1]]
                del self.gaps[:-_GAPS_REMEMBERED]
                self.missing -= 1
                self.late += 1
                return True
        return False
