"""What a swap within one price range moves, in the exact integer arithmetic of Uniswap V3.

Every rounding goes in favour of the pool, as in ``SqrtPriceMath.sol`` and ``SwapMath.sol`` of Uniswap
v3-core: a test replays swaps of the real USDC/WETH pool and reaches the logged prices bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PIPS", "Step", "amount0_between", "amount1_between", "swap_step"]

PIPS = 1_000_000  # fees are in millionths
Q96 = 1 << 96


class Step(NamedTuple):
    """The part of a swap that happens in one price range."""

    sqrt_price_x96: int
    amount_in: int  # without the fee
    amount_out: int
    fee: int


def amount0_between(sqrt_a: int, sqrt_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token0 that this liquidity holds between two prices, the lower one first."""
    numerator = (liquidity << 96) * (sqrt_b - sqrt_a)
    if round_up:
        rounded = -(-numerator // sqrt_b)
        return -(-rounded // sqrt_a)
    return numerator // sqrt_b // sqrt_a


def amount1_between(sqrt_a: int, sqrt_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token1 that this liquidity holds between two prices, the lower one first."""
    product = liquidity * (sqrt_b - sqrt_a)
    return -(-product >> 96) if round_up else product >> 96


def swap_step(sqrt_price: int, sqrt_target: int, liquidity: int, amount: int, fee_pips: int) -> Step:
    """Swap at most ``amount`` (fee included) and go no further than the target price.

    A target below the price sells token0 for token1, one above it token1 for token0.
    """
    spendable = amount * (PIPS - fee_pips) // PIPS
    if sqrt_target <= sqrt_price:
        needed = amount0_between(sqrt_target, sqrt_price, liquidity, round_up=True)
        reached = spendable >= needed
        if reached:
            sqrt_next = sqrt_target
        else:
            scaled = liquidity << 96
            sqrt_next = -(-scaled * sqrt_price // (scaled + spendable * sqrt_price))
            needed = amount0_between(sqrt_next, sqrt_price, liquidity, round_up=True)
        amount_out = amount1_between(sqrt_next, sqrt_price, liquidity, round_up=False)
    else:
        needed = amount1_between(sqrt_price, sqrt_target, liquidity, round_up=True)
        reached = spendable >= needed
        if reached:
            sqrt_next = sqrt_target
        else:
            sqrt_next = sqrt_price + spendable * Q96 // liquidity
            needed = amount1_between(sqrt_price, sqrt_next, liquidity, round_up=True)
        amount_out = amount0_between(sqrt_price, sqrt_next, liquidity, round_up=False)
    # Short of the target, all that was offered is taken, and what buys nothing is fee too.
    fee = -(-needed * fee_pips // (PIPS - fee_pips)) if reached else amount - needed
    return Step(sqrt_next, needed, amount_out, fee)
