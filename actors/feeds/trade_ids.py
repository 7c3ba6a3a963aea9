"""The ids of trades, which an exchange numbers one by one in each market: where one is missing, so are trades."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.errors import TradeGapError

from .reading import Reading

__all__ = ["TradeIds"]


@dataclass
class TradeIds:
    """The last id of each market, and how many were missing."""

    last: dict[str, int] = field(default_factory=dict)
    gaps: int = 0
    missing: int = 0

    def take(self, market: str, trade_id: int, reading: Reading, line: int) -> None:
        """Note the next one; a gap before it is told. One that has come before, or a lower one, is none."""
        expected = self.last.get(market, trade_id - 1) + 1
        self.last[market] = trade_id
        if trade_id > expected:
            self.gaps += 1
            self.missing += trade_id - expected
            reading.note(TradeGapError(path=reading.path, line=line, market=market, expected=expected, got=trade_id))

    def restart(self, markets: Iterable[str]) -> None:
        """The streams of these markets were opened anew: what was missed before is no gap of the stream."""
        for market in markets:
            self.last.pop(market, None)
