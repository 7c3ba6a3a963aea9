"""The distance between best bid and best ask, told when it changes."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SpreadTracker", "Width"]


class Width(NamedTuple):
    """Spread and middle of a market, the middle rounded down."""

    spread: int
    mid: int


class SpreadTracker:
    """Remembers the last spread of every market."""

    def __init__(self) -> None:
        self._last: dict[int, Width] = {}

    def update(self, venue_id: int, bid: int, ask: int) -> Width | None:
        """The new spread; ``None`` where it is as before, a side is missing (0) or the prices cross."""
        if not 0 < bid <= ask:
            return None
        width = Width(ask - bid, (bid + ask) // 2)
        if width == self._last.get(venue_id):
            return None
        self._last[venue_id] = width
        return width
