"""A Uniswap V3 pool: concentrated liquidity, positions, fees and flash loans.

Prices and ticks follow the contract exactly. Fees are simpler: each swap step shares its fee among the
positions in range at once, rounded down, where the contract keeps growth counters to do so later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from actors.simulator.swap_math import PIPS, amount0_between, amount1_between, swap_step
from actors.simulator.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick, tick_at_sqrt_ratio

__all__ = ["ConcentratedPool", "Owed", "PositionKey", "Swapped"]

PositionKey: TypeAlias = tuple[bytes, int, int]
"""Owner, lower tick, upper tick."""


class Swapped(NamedTuple):
    """What a swap moved: positive into the pool, negative out of it."""

    amount0: int
    amount1: int


@dataclass(slots=True)
class Owed:
    """Liquidity of a position and the tokens that it may collect."""

    liquidity: int = 0
    owed0: int = 0
    owed1: int = 0


class ConcentratedPool:
    """The state of one pool and what may be done to it."""

    def __init__(self, sqrt_price_x96: int, *, fee_pips: int = 500, tick_spacing: int = 10) -> None:
        self.sqrt_price_x96 = sqrt_price_x96
        self.tick = tick_at_sqrt_ratio(sqrt_price_x96)
        self.liquidity = 0  # in range
        self.fee_pips = fee_pips
        self.tick_spacing = tick_spacing
        self.positions: dict[PositionKey, Owed] = defaultdict(Owed)
        self._boundaries: list[int] = []  # initialised ticks, sorted
        self._gross: dict[int, int] = defaultdict(int)  # liquidity that begins or ends at the tick
        self._net: dict[int, int] = defaultdict(int)  # liquidity gained when the price rises past the tick

    @property
    def full_range(self) -> tuple[int, int]:
        """The widest pair of ticks of this spacing."""
        widest = MAX_TICK // self.tick_spacing * self.tick_spacing
        return -widest, widest

    def mint(self, key: PositionKey, liquidity: int) -> tuple[int, int]:
        """Add liquidity to a position; returns the tokens to pay."""
        self._change(key, liquidity)
        self.positions[key].liquidity += liquidity
        return self._amounts(key, liquidity, round_up=True)

    def burn(self, key: PositionKey, liquidity: int) -> tuple[int, int]:
        """Take liquidity from a position; returns the tokens that it is owed for it, to be collected."""
        self._change(key, -liquidity)
        amount0, amount1 = self._amounts(key, liquidity, round_up=False)
        position = self.positions[key]
        position.liquidity -= liquidity
        position.owed0 += amount0
        position.owed1 += amount1
        return amount0, amount1

    def collect(self, key: PositionKey) -> tuple[int, int]:
        """Pay a position all that it is owed; one without liquidity is then forgotten."""
        position = self.positions[key]
        paid = position.owed0, position.owed1
        position.owed0 = position.owed1 = 0
        if not position.liquidity:
            del self.positions[key]
        return paid

    def flash(self, amount0: int, amount1: int) -> tuple[int, int]:
        """Lend tokens for one transaction; returns the fees paid for them."""
        paid0 = -(-amount0 * self.fee_pips // PIPS)
        paid1 = -(-amount1 * self.fee_pips // PIPS)
        self._share(paid0, paid1)
        return paid0, paid1

    def swap(self, amount: int, sqrt_limit_x96: int) -> Swapped:
        """Sell up to ``amount`` of one token until the price reaches the limit.

        A limit below the price sells token0, one above it token1. The swap also ends where the
        liquidity ends.
        """
        selling0 = sqrt_limit_x96 < self.sqrt_price_x96
        paid = got = 0
        while paid < amount and self.sqrt_price_x96 != sqrt_limit_x96:
            boundary = self._boundary(below=selling0)
            if boundary is None:
                break
            sqrt_boundary = sqrt_ratio_at_tick(boundary)
            target = max(sqrt_boundary, sqrt_limit_x96) if selling0 else min(sqrt_boundary, sqrt_limit_x96)
            step = swap_step(self.sqrt_price_x96, target, self.liquidity, amount - paid, self.fee_pips)
            paid += step.amount_in + step.fee
            got += step.amount_out
            self._share(*((step.fee, 0) if selling0 else (0, step.fee)))
            started, self.sqrt_price_x96 = self.sqrt_price_x96, step.sqrt_price_x96
            if self.sqrt_price_x96 != sqrt_boundary:
                if self.sqrt_price_x96 != started:  # else the tick may stand below its boundary, and must stay there
                    self.tick = tick_at_sqrt_ratio(self.sqrt_price_x96)
            elif selling0:  # past the boundary: the tick below it is current
                self.liquidity -= self._net[boundary]
                self.tick = boundary - 1
            else:
                self.liquidity += self._net[boundary]
                self.tick = boundary
        return Swapped(paid, -got) if selling0 else Swapped(-got, paid)

    def _boundary(self, *, below: bool) -> int | None:
        """The next initialised tick at or below the current one, or above it."""
        place = bisect_right(self._boundaries, self.tick)
        if below:
            return self._boundaries[place - 1] if place else None
        return self._boundaries[place] if place < len(self._boundaries) else None

    def _change(self, key: PositionKey, liquidity: int) -> None:
        _, lower, upper = key
        if not MIN_TICK <= lower < upper <= MAX_TICK or lower % self.tick_spacing or upper % self.tick_spacing:
            msg = f"no position from tick {lower} to {upper} with spacing {self.tick_spacing}"
            raise ValueError(msg)
        if self.positions[key].liquidity + liquidity < 0:
            msg = f"the position holds {self.positions[key].liquidity} of liquidity, not {-liquidity}"
            raise ValueError(msg)
        for tick, net in ((lower, liquidity), (upper, -liquidity)):
            if not self._gross[tick]:
                insort(self._boundaries, tick)
            self._gross[tick] += liquidity
            self._net[tick] += net
            if not self._gross[tick]:
                del self._gross[tick], self._net[tick]
                del self._boundaries[bisect_left(self._boundaries, tick)]
        if lower <= self.tick < upper:
            self.liquidity += liquidity

    def _amounts(self, key: PositionKey, liquidity: int, *, round_up: bool) -> tuple[int, int]:
        sqrt_lower, sqrt_upper = sqrt_ratio_at_tick(key[1]), sqrt_ratio_at_tick(key[2])
        sqrt_price = min(max(self.sqrt_price_x96, sqrt_lower), sqrt_upper)
        return (
            amount0_between(sqrt_price, sqrt_upper, liquidity, round_up=round_up),
            amount1_between(sqrt_lower, sqrt_price, liquidity, round_up=round_up),
        )

    def _share(self, fee0: int, fee1: int) -> None:
        for (_, lower, upper), position in self.positions.items():
            if lower <= self.tick < upper:
                position.owed0 += fee0 * position.liquidity // self.liquidity
                position.owed1 += fee1 * position.liquidity // self.liquidity
