"""Binance's rule for joining a stream of book updates with a snapshot of the book.

    snapshot at L     drop updates with u <= L; the first one used must have U <= L + 1 <= u
    after that        each U must be the previous u + 1 (futures: each pu must be the previous u)
    futures           the first one used may also have pu <= L < u: its ids have holes, pu has none

Updates that come before their snapshot wait for it. Where the rule breaks, the book is lost until
the next snapshot: the error is handed out, the book stays as it was, updates wait again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["WAITING_MAX", "BookSync", "Bridge", "Gap", "Overflow", "Update"]

WAITING_MAX = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Update(Generic[T]):
    """An update with the ids that place it; ``previous`` is the ``pu`` of futures, None on spot."""

    first: int
    last: int
    previous: int | None
    carried: T


@dataclass(frozen=True, slots=True)
class Gap:
    """Update ``expected`` did not come; ``got`` did."""

    expected: int
    got: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """The updates go on at ``got``, beyond the snapshot."""

    snapshot: int
    got: int


@dataclass(frozen=True, slots=True)
class Overflow:
    """More updates wait than are kept."""

    limit: int


class BookSync(Generic[T]):
    """Where one book stands in its stream. Hands on what is to be applied, in order, and what went wrong."""

    def __init__(self, *, waiting_max: int = WAITING_MAX) -> None:
        self.last: int | None = None
        self.bridged = False
        self.lost = False
        self.ever_bridged = False
        self.gaps = 0
        self.unmet_snapshots = 0
        self.covered = 0
        self.repeated = 0
        self.spare_snapshots = 0
        self.missed_while_closed = False
        self._reopened = False
        self._spare: tuple[int, T] | None = None
        self._waiting: deque[Update[T]] = deque()
        self._waiting_max = waiting_max
        self._overflowed = False

    @property
    def waiting(self) -> int:
        """Updates that wait for a snapshot."""
        return len(self._waiting)

    @property
    def needs_snapshot(self) -> bool:
        """Whether updates wait, and only a snapshot can help."""
        return self.last is None or self.lost

    def snapshot(self, last: int, carried: T) -> Iterator[T | Gap | Bridge | Overflow]:
        """A snapshot that holds all updates up to ``last``."""
        if self.last is not None and (last < self.last or (last == self.last and not self._reopened)):
            self.spare_snapshots += 1
            return
        if self.bridged and not self._reopened:
            # The stream needs it only if it breaks before the next update.
            self._spare = (last, carried)
            self.spare_snapshots += 1
            return
        yield from self._begin(last, carried)

    def restart(self) -> None:
        """The stream was opened anew: what was missed is no gap, but where anything was, a new snapshot is needed."""
        if self.bridged:
            self._reopened, self._spare = True, None

    def update(self, update: Update[T]) -> Iterator[T | Gap | Bridge | Overflow]:
        """The next update of the stream."""
        if self.last is None or self.lost:
            yield from self._wait(update)
        elif update.last <= self.last:
            if self.bridged:
                self.repeated += 1
            else:
                self.covered += 1
        elif self._follows(update):
            self.last = update.last
            self.bridged, self._reopened = True, False
            self.ever_bridged = True
            yield update.carried
        else:
            yield from self._lose(update)

    def _follows(self, update: Update[T]) -> bool:
        assert self.last is not None
        if self.bridged and not self._reopened:
            return update.first == self.last + 1 if update.previous is None else update.previous == self.last
        first = update.first if update.previous is None else min(update.first, update.previous + 1)
        return first <= self.last + 1

    def _lose(self, update: Update[T]) -> Iterator[T | Gap | Bridge | Overflow]:
        assert self.last is not None
        if not self.bridged:
            self.unmet_snapshots += 1
            yield Bridge(self.last, update.first)
        elif self._reopened:
            self.missed_while_closed = True
        else:
            self.gaps += 1
            spot = update.previous is None
            yield Gap(self.last + 1, update.first) if spot else Gap(self.last, update.previous or 0)
        spare, self._spare = self._spare, None
        self.lost, self.bridged, self._reopened = True, False, False
        self._waiting.append(update)
        if spare is not None and spare[0] > self.last:
            yield from self._begin(*spare)

    def _begin(self, last: int, carried: T) -> Iterator[T | Gap | Bridge | Overflow]:
        self.last, self.bridged, self.lost, self._overflowed = last, False, False, False
        self._reopened = self.missed_while_closed = False
        yield carried
        waiting, self._waiting = self._waiting, deque()
        for update in waiting:
            yield from self.update(update)

    def _wait(self, update: Update[T]) -> Iterator[T | Gap | Bridge | Overflow]:
        if len(self._waiting) == self._waiting_max:
            self._waiting.popleft()
            if not self._overflowed:
                self._overflowed = True
                yield Overflow(self._waiting_max)
        self._waiting.append(update)
