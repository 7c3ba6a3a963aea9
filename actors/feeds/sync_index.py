"""Where the ``Sync`` of a V2 event stands when it is not in the same run of logs: out of order, or in another file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

from actors.errors import FeedError

from .dex_events import EVENTS
from .dex_log import RawLog
from .dex_sources import raw_logs
from .lines import open_input
from .reading import Policy, Reading, quiet

__all__ = ["INDEX_BYTES_MAX", "SYNC", "SyncIndex"]

INDEX_BYTES_MAX = 1 << 26
SYNC = next(topic for topic, event in EVENTS.items() if event.name == "V2 Sync")
_CHUNK = 1 << 20


class SyncIndex:
    """Every ``Sync`` of the files of a feed: looked up, and so read, only for an event whose own is not beside it.

    The second reading is bounded: what lies beyond `INDEX_BYTES_MAX` bytes of files is not looked at.
    """

    def __init__(self, readings: Sequence[Reading], pool_of: Callable[[Reading], bytes]) -> None:
        self._readings = readings
        self._pool_of = pool_of
        self._places: set[int] | None = None

    def precedes(self, log: RawLog) -> bool:
        """Whether the log before this one is the ``Sync`` of the same contract."""
        if self._places is None:
            self._places = set()
            left = INDEX_BYTES_MAX
            for reading in self._readings:
                left -= reading.file.size
                if left < 0:
                    break
                self._add(self._places, reading)
        return log.address is not None and _place(log.block_number, log.log_index - 1, log.address) in self._places

    def _add(self, places: set[int], reading: Reading) -> None:
        silent = Reading(reading.file, Policy(on_malformed="skip"), quiet)
        try:
            if not _mentions(silent, SYNC.hex().encode()):
                return
            pool: bytes | None = None
            for log in raw_logs(silent):
                if log.topics and log.topics[0] == SYNC:
                    address = log.address or (pool := pool or self._pool_of(reading))
                    places.add(_place(log.block_number, log.log_index, address))
        except (OSError, EOFError, zlib.error, FeedError):
            return  # the reading proper tells


def _place(block: int, index: int, address: bytes) -> int:
    return hash((block, index, address))


def _mentions(reading: Reading, text: bytes) -> bool:
    with open_input(reading.file.path) as (stream, _):
        tail = b""
        while chunk := stream.read(_CHUNK):
            if text in (tail + chunk).lower():
                return True
            tail = chunk[-len(text) :]
    return False
