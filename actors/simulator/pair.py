"""A Uniswap V2 pair: two reserves whose product never falls by a swap."""

from __future__ import annotations

from collections import defaultdict
from math import isqrt

__all__ = ["Pair"]


class Pair:
    """The reserves of a pair and the shares in them; every rounding goes in favour of the pair."""

    def __init__(self) -> None:
        self.reserve0 = 0
        self.reserve1 = 0
        self.supply = 0
        self.shares: dict[bytes, int] = defaultdict(int)

    def mint(self, owner: bytes, amount0: int, amount1: int) -> int:
        """Put both tokens in; returns the shares that they are worth."""
        if self.supply:
            minted = min(amount0 * self.supply // self.reserve0, amount1 * self.supply // self.reserve1)
        else:
            minted = isqrt(amount0 * amount1)
        self.reserve0 += amount0
        self.reserve1 += amount1
        self.supply += minted
        self.shares[owner] += minted
        return minted

    def burn(self, owner: bytes, shares: int) -> tuple[int, int]:
        """Give shares back; returns the tokens paid out for them."""
        if not 0 < shares <= self.shares[owner]:
            msg = f"the owner holds {self.shares[owner]} shares, not {shares}"
            raise ValueError(msg)
        amount0 = shares * self.reserve0 // self.supply
        amount1 = shares * self.reserve1 // self.supply
        self.shares[owner] -= shares
        self.supply -= shares
        self.reserve0 -= amount0
        self.reserve1 -= amount1
        return amount0, amount1

    def sell0(self, amount0: int) -> int:
        """Swap token0 for token1, 0.3 % fee; returns the token1 paid out."""
        amount1 = _bought(amount0, self.reserve0, self.reserve1)
        self.reserve0 += amount0
        self.reserve1 -= amount1
        return amount1

    def sell1(self, amount1: int) -> int:
        """Swap token1 for token0, 0.3 % fee; returns the token0 paid out."""
        amount0 = _bought(amount1, self.reserve1, self.reserve0)
        self.reserve1 += amount1
        self.reserve0 -= amount0
        return amount0


def _bought(amount: int, reserve_in: int, reserve_out: int) -> int:
    """``getAmountOut`` of ``UniswapV2Library``."""
    after_fee = amount * 997
    return after_fee * reserve_out // (reserve_in * 1000 + after_fee)
