"""The chain that the simulated pools stand on: blocks, and places for events in them."""

from __future__ import annotations

import random
from typing import NamedTuple

__all__ = ["BLOCK_NS", "Chain", "Contract", "LogPlace", "accounts"]

BLOCK_NS = 200_000_000
"""Time between blocks, about that of a rollup."""


class LogPlace(NamedTuple):
    """Where an event stands: the last fields of every message about pools."""

    block_number: int
    timestamp: int
    log_index: int
    venue_id: int


class Contract(NamedTuple):
    """A pool or a position manager: its address and its id in the venue table."""

    address: bytes
    venue_id: int


class Chain:
    """Numbers blocks and the events in them."""

    def __init__(self, timestamp: int, block_number: int = 20_000_000) -> None:
        self.block_number = block_number
        self.timestamp = timestamp
        self._log_index = 0

    def next_block(self) -> None:
        self.block_number += 1
        self.timestamp += BLOCK_NS
        self._log_index = 0

    def place(self, venue_id: int) -> LogPlace:
        """The next place in this block."""
        self._log_index += 1
        return LogPlace(self.block_number, self.timestamp, self._log_index - 1, venue_id)


def accounts(generator: random.Random, count: int) -> list[bytes]:
    """Addresses of traders and liquidity providers."""
    return [generator.randbytes(20) for _ in range(count)]
