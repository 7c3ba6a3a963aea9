"""Decisions out of bytes: what a fuzzer changes by a bit changes one decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["HOSTILE", "Choices"]

T = TypeVar("T")

#: Lengths, offsets and counts that nobody should send.
HOSTILE = (0, 1, 7, 8, 9, 15, 16, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1, 2**63, 2**64)


class Choices:
    """Takes decisions from the front of the data; when it is used up, always the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """All that follow."""
        return self.take(len(self._data))

    def number(self, below: int) -> int:
        """A number from 0 on, of at most 256."""
        taken = self.take(1)
        return taken[0] % below if taken else 0

    def flag(self) -> bool:
        return self.number(2) == 1

    def one(self, of: Sequence[T]) -> T:
        """One of up to 256 things."""
        return of[self.number(len(of))]

    def integer(self) -> int:
        """A whole number of any size: a small one, one near a limit, or one of up to 33 bytes."""
        kind = self.number(4)
        if kind == 0:
            return self.number(256) - 128
        if kind == 1:
            near = self.one(HOSTILE) + self.number(3) - 1
            return -near if self.flag() else near
        if kind == 2:
            near = (1 << 8 * self.number(34)) + self.number(3) - 1
            return -near if self.flag() else near
        return int.from_bytes(self.take(self.number(34)), "little", signed=True)
