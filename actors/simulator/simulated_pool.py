"""A simulated Uniswap V3 pool and its position manager: who trades, who provides, what they log."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import isqrt

from actors.simulator.chain import Chain, Contract, accounts
from actors.simulator.concentrated_pool import ConcentratedPool, PositionKey
from tlv import TLV
from tlv.market_data import (
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolSwapTLV,
    PoolTickTLV,
    Protocol,
    TickReason,
)

__all__ = ["SimulatedPool"]

_POSITIONS_MAX = 16


class SimulatedPool:
    """Positions are held directly or as NFTs of the manager, which then logs an event of its own."""

    def __init__(self, contract: Contract, manager: Contract, chain: Chain, generator: random.Random) -> None:
        self._address, self._venue_id = contract
        self._manager, self._manager_id = manager
        self._chain = chain
        self._random = generator
        self._router, self._founder, *self._traders = accounts(generator, 10)
        self._token_ids: dict[PositionKey, int] = {}
        self._next_token_id = 1

    def open(self, amount0: int, amount1: int) -> Iterator[TLV]:
        """Initialise the pool at the price of these amounts and provide them over the full range."""
        self._pool = pool = ConcentratedPool(isqrt((amount1 << 192) // amount0))
        yield PoolTickTLV(
            pool.sqrt_price_x96,
            self._address,
            None,
            pool.tick,
            None,
            TickReason.INITIALIZE,
            *self._chain.place(self._venue_id),
        )
        self._liquidity = isqrt(amount0 * amount1)
        yield from self._add((self._founder, *pool.full_range), self._liquidity)

    def block(self, numerator: int, denominator: int) -> Iterator[TLV]:
        """The events of one block, where one raw token0 is fairly worth that much raw token1."""
        pool, bits = self._pool, self._random.getrandbits
        yield from self._arbitrage(isqrt((numerator << 192) // denominator))
        for _ in range(bits(2)):
            part = bits(6) + 1  # of 2**19: moves the price by up to two basis points
            if bits(1):
                yield from self._swap((pool.liquidity << 96) // pool.sqrt_price_x96 * part >> 19, 1)
            else:
                yield from self._swap(pool.liquidity * pool.sqrt_price_x96 * part >> 115, 1 << 159)
        dice = bits(5)
        if dice == 0:
            yield from self._provide(self._random.choice(self._traders))
        elif dice == 1:
            yield from self._provide(self._manager)
        elif dice == 2 or len(pool.positions) > _POSITIONS_MAX:
            yield from self._leave()
        elif dice == 3:
            yield self._flash()

    def _arbitrage(self, fair: int) -> Iterator[TLV]:
        """Where the price has left the fee's band around the fair one, trade it back to the edge."""
        pool = self._pool
        band = fair * pool.fee_pips // 2_000_000  # half of it: this is a square root
        if pool.sqrt_price_x96 > fair + band:
            yield from self._swap(1 << 127, fair + band)
        elif pool.sqrt_price_x96 < fair - band:
            yield from self._swap(1 << 127, fair - band)

    def _swap(self, amount: int, sqrt_limit_x96: int) -> Iterator[TLV]:
        amount0, amount1 = self._pool.swap(amount, sqrt_limit_x96)
        yield PoolSwapTLV(
            amount0,
            amount1,
            max(0, -amount0),
            max(0, -amount1),
            self._pool.sqrt_price_x96,
            self._address,
            self._router,
            self._random.choice(self._traders),
            self._pool.liquidity,
            self._pool.tick,
            Protocol.UNISWAP_V3,
            *self._chain.place(self._venue_id),
        )

    def _provide(self, owner: bytes) -> Iterator[TLV]:
        """Liquidity in a range around the price, deeper where the range is narrow."""
        spacing = self._pool.tick_spacing
        centre = self._pool.tick // spacing * spacing
        width = spacing * (self._random.getrandbits(5) + 1)
        key = (owner, centre - width, centre + spacing + width)
        yield from self._add(key, self._liquidity * (self._random.getrandbits(6) + 1) // width)

    def _leave(self) -> Iterator[TLV]:
        """Take some position's liquidity and what it has earned, all of it or half of it."""
        positions = [key for key in self._pool.positions if key[0] != self._founder]
        if positions:
            key = self._random.choice(positions)
            liquidity = self._pool.positions[key].liquidity
            yield from self._remove(key, liquidity // 2 if self._random.getrandbits(1) else liquidity)
            yield from self._collect(key)

    def _add(self, key: PositionKey, liquidity: int) -> Iterator[TLV]:
        owner, lower, upper = key
        amount0, amount1 = self._pool.mint(key, liquidity)
        yield PoolMintTLV(
            amount0,
            amount1,
            liquidity,
            self._address,
            owner,
            owner,
            lower,
            upper,
            Protocol.UNISWAP_V3,
            *self._chain.place(self._venue_id),
        )
        if owner == self._manager:
            if key not in self._token_ids:
                self._token_ids[key] = self._next_token_id
                self._next_token_id += 1
            yield LiquidityAddTLV(
                self._token_ids[key],
                amount0,
                amount1,
                liquidity,
                self._manager,
                *self._chain.place(self._manager_id),
            )

    def _remove(self, key: PositionKey, liquidity: int) -> Iterator[TLV]:
        owner, lower, upper = key
        amount0, amount1 = self._pool.burn(key, liquidity)
        yield PoolBurnTLV(
            amount0,
            amount1,
            liquidity,
            self._address,
            owner,
            None,
            None,
            lower,
            upper,
            Protocol.UNISWAP_V3,
            *self._chain.place(self._venue_id),
        )
        if owner == self._manager:
            yield LiquidityRemoveTLV(
                self._token_ids[key],
                amount0,
                amount1,
                liquidity,
                self._manager,
                *self._chain.place(self._manager_id),
            )

    def _collect(self, key: PositionKey) -> Iterator[TLV]:
        owner, lower, upper = key
        paid = self._pool.collect(key)
        recipient = self._random.choice(self._traders)
        yield PoolCollectTLV(
            *paid,
            None,
            self._address,
            owner,
            recipient,
            lower,
            upper,
            Protocol.UNISWAP_V3,
            *self._chain.place(self._venue_id),
        )
        if owner == self._manager:
            yield PoolCollectTLV(
                *paid,
                self._token_ids[key],
                None,
                None,
                recipient,
                None,
                None,
                Protocol.POSITION_MANAGER,
                *self._chain.place(self._manager_id),
            )
            if key not in self._pool.positions:
                del self._token_ids[key]

    def _flash(self) -> PoolFlashTLV:
        virtual1 = self._pool.liquidity * self._pool.sqrt_price_x96 >> 96  # its virtual token1
        amount1 = virtual1 * (self._random.getrandbits(6) + 1) >> 12
        borrower = self._random.choice(self._traders)
        return PoolFlashTLV(
            0,
            amount1,
            *self._pool.flash(0, amount1),
            self._address,
            borrower,
            borrower,
            *self._chain.place(self._venue_id),
        )
