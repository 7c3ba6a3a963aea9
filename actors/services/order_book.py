"""The book of one market, kept from a snapshot and numbered updates.

Levels are kept as they came, so that a published book is made of them without packing one again.
Costs, for a side of n levels: change a level O(1), add or delete one O(log n) to find its place and a
move of at most n pointers (under a microsecond for a thousand levels), best price O(1), top k O(k).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from enum import Enum

from tlv.market_data import OrderLevel

__all__ = ["BookSide", "OrderBook", "Outcome"]


class Outcome(Enum):
    """What became of an update."""

    APPLIED = "applied"
    STALE = "stale"  # the book holds it already
    GAP = "gap"  # updates before it are missing: the book is void until the next snapshot
    UNSYNCED = "unsynced"  # no snapshot yet, or none since the gap


class BookSide:
    """The levels of one side, best first."""

    __slots__ = ("_keys", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign  # 1: the lowest price is best (asks), -1: the highest (bids)
        self._keys: list[int] = []  # sign * price of every level, sorted, hence best first
        self._levels: dict[int, OrderLevel] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def apply(self, levels: Iterable[OrderLevel]) -> None:
        """Set each level; a size of 0 deletes it, and deleting what is not there is no error."""
        for level in levels:
            key = self._sign * level.price
            if level.size:
                if key not in self._levels:
                    insort(self._keys, key)
                self._levels[key] = level.to_owned()  # a view would keep the whole update alive
            elif self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def clear(self) -> None:
        self._keys.clear()
        self._levels.clear()

    def best(self) -> int | None:
        """The best price; ``None`` where the side is empty."""
        return self._sign * self._keys[0] if self._keys else None

    def top(self, count: int) -> list[OrderLevel]:
        """The best ``count`` levels, or as many as there are."""
        return [self._levels[key] for key in self._keys[:count]]


class OrderBook:
    """Bids and asks of one market, at one update id."""

    __slots__ = ("asks", "bids", "last_update_id")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self.last_update_id: int | None = None

    def apply_snapshot(self, last_update_id: int, bids: Iterable[OrderLevel], asks: Iterable[OrderLevel]) -> None:
        """Begin anew from all levels."""
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            side.clear()
            side.apply(levels)
        self.last_update_id = last_update_id

    def apply_update(
        self, first_update_id: int, last_update_id: int, bids: Iterable[OrderLevel], asks: Iterable[OrderLevel]
    ) -> Outcome:
        """Change some levels, if the update follows what the book holds.

        An update that overlaps the snapshot is applied whole: its levels are absolute sizes. Not every
        source numbers its updates: those with 0 are applied as they come.
        """
        held = self.last_update_id
        if held is None:
            return Outcome.UNSYNCED
        if last_update_id:
            if last_update_id <= held:
                return Outcome.STALE
            if first_update_id > held + 1:
                self.last_update_id = None
                return Outcome.GAP
            self.last_update_id = last_update_id
        self.bids.apply(bids)
        self.asks.apply(asks)
        return Outcome.APPLIED

    def top(self, count: int) -> tuple[list[OrderLevel], list[OrderLevel]]:
        """The best ``count`` bids and asks."""
        return self.bids.top(count), self.asks.top(count)

    @property
    def crossed(self) -> bool:
        """Whether somebody bids more than somebody else asks, which no matching engine allows."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid > ask
