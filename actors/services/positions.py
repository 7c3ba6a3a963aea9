"""What liquidity positions have put into pools and taken out of them, since the stream began."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

__all__ = ["Position", "PositionKey", "Positions"]


class PositionKey(NamedTuple):
    """What tells one position from another.

    A V3 position: pool, owner and range. A V2 pair's events name no provider, so all its liquidity is
    one position: the pair alone. A position held through the manager: the token id alone, since its
    events name neither pool nor range.
    """

    pool: bytes | None = None
    owner: bytes | None = None
    tick_lower: int | None = None
    tick_upper: int | None = None
    token_id: int | None = None


class Position(NamedTuple):
    """Net changes; negative where more was taken out than was put in since the stream began."""

    net_amount0: int = 0
    net_amount1: int = 0
    net_liquidity: int = 0

    @property
    def can_be_told(self) -> bool:
        """Whether it fits its fields, as every position of a real pool does: amounts of 256 bits, liquidity of 128."""
        amounts = max(abs(self.net_amount0), abs(self.net_amount1))
        return amounts < 1 << 255 and abs(self.net_liquidity) < 1 << 127


class Positions:
    """The net state of every position that had an event."""

    def __init__(self) -> None:
        self._positions: dict[PositionKey, Position] = defaultdict(Position)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, key: PositionKey) -> Position:
        return self._positions.get(key, Position())

    def change(self, key: PositionKey, *, amount0: int = 0, amount1: int = 0, liquidity: int = 0) -> Position:
        """Add to a position (negative: take from it); returns what it is now."""
        before = self._positions[key]
        now = Position(before.net_amount0 + amount0, before.net_amount1 + amount1, before.net_liquidity + liquidity)
        self._positions[key] = now
        return now
