"""Ticks and square-root prices of Uniswap V3, in its own exact integer arithmetic.

A price of token0 in token1 is kept as ``sqrt(price) * 2**96``; tick t stands for the price 1.0001**t.
Same results, bit for bit, as ``TickMath.sol`` of Uniswap v3-core.
"""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["MAX_TICK", "MIN_TICK", "sqrt_ratio_at_tick", "tick_at_sqrt_ratio"]

MIN_TICK = -887272
MAX_TICK = 887272

# Entry i is 2**128 / sqrt(1.0001)**(2**i), rounded as the contract rounds it.
_POWERS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_LOG_SQRT_BASE = math.log(1.0001) / 2


@lru_cache(maxsize=65536)
def sqrt_ratio_at_tick(tick: int) -> int:
    """``sqrt(1.0001**tick) * 2**96``, rounded up."""
    ratio = 1 << 128
    for i, power in enumerate(_POWERS):
        if abs(tick) >> i & 1:
            ratio = ratio * power >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """The greatest tick whose price is not above this one: ``floor(log(price) / log(1.0001))``."""
    # The floating-point logarithm is off by one tick at most; the exact ratios decide.
    tick = math.floor((math.log(sqrt_price_x96) - 96 * math.log(2)) / _LOG_SQRT_BASE)
    while tick > MIN_TICK and sqrt_ratio_at_tick(tick) > sqrt_price_x96:
        tick -= 1
    while tick < MAX_TICK and sqrt_ratio_at_tick(tick + 1) <= sqrt_price_x96:
        tick += 1
    return tick
