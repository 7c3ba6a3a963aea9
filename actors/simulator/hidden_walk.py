"""The fair price that every simulated market follows and none shows."""

from __future__ import annotations

import random
from decimal import Decimal

__all__ = ["BEAT_NS", "START_NS", "HiddenWalk", "in_units", "jitter"]

START_NS = 1_704_067_200_000_000_000
"""When every simulation begins: 2024-01-01, 00:00 UTC."""

BEAT_NS = 100_000_000
"""Market time between two steps of a walk."""


def in_units(price: Decimal) -> int:
    """A price as messages carry it: a whole number of 1e-8 units."""
    return int(price.scaleb(8))


def jitter(generator: random.Random) -> int:
    """A small random number around 0: binomial, standard deviation 2, from integers alone.

    Whole numbers make a simulation the same on every machine; a logarithm's last bit may differ.
    """
    return generator.getrandbits(16).bit_count() - 8


class HiddenWalk:
    """The fair price of one instrument, in 1e-8 units, one step per beat.

    The path depends on seed and symbol alone, so that independent sources follow the same one.
    A step is 0.2 basis points on average, about 2 % a day.
    """

    def __init__(self, seed: int, symbol: str, price: int) -> None:
        self._random = random.Random(f"walk/{seed}/{symbol}")
        self.price = price

    def step(self) -> int:
        """Go on by one beat; returns the new price."""
        self.price += self.price * jitter(self._random) // 100_000
        return self.price
