"""Domains: which type ids belong to which part of a system."""

from __future__ import annotations

from enum import Enum

__all__ = ["Domain"]


class Domain(Enum):
    """A part of a system and its range of type ids, both ends included.

    Example: ``3 in Domain.MARKET_DATA`` and ``Domain.USER.first == 1000``.
    """

    MARKET_DATA = (1, 19)
    SIGNALS = (20, 39)
    EXECUTION = (40, 59)
    PORTFOLIO = (60, 79)
    AUDIT = (80, 99)
    SYSTEM = (100, 119)
    USER = (1000, 65_535)

    @property
    def first(self) -> int:
        """The lowest type id of the domain."""
        return self.value[0]

    @property
    def last(self) -> int:
        """The highest type id of the domain."""
        return self.value[1]

    def __contains__(self, type_id: object) -> bool:
        return isinstance(type_id, int) and self.first <= type_id <= self.last

    def __str__(self) -> str:
        return f"{self.name} ({self.first} to {self.last})"
