"""Which logs were read before: captures overlap, and a log that came twice would count twice."""

from __future__ import annotations

from .dex_log import RawLog

__all__ = ["SEEN_MAX", "SeenLogs"]

SEEN_MAX = 100_000


class SeenLogs:
    """Remembers the last `SEEN_MAX` logs by their transaction and place, which name a log on any chain."""

    def __init__(self, seen_max: int = SEEN_MAX) -> None:
        self._seen: dict[int, None] = {}
        self._seen_max = seen_max

    def has(self, log: RawLog) -> bool:
        """Whether this log came before; from now on it has. Logs without a transaction are always new."""
        if not log.transaction:
            return False
        key = int.from_bytes(log.transaction[:12]) << 32 | log.log_index
        if key in self._seen:
            return True
        if len(self._seen) >= self._seen_max:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return False
