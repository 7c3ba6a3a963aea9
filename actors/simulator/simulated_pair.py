"""A simulated Uniswap V2 pair: who trades in it, who provides it, and the events it logs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import isqrt

from actors.simulator.chain import Chain, Contract, accounts
from actors.simulator.pair import Pair
from tlv import TLV
from tlv.market_data import PoolBurnTLV, PoolMintTLV, PoolSwapTLV, PoolSyncTLV, Protocol

__all__ = ["SimulatedPair"]

_FEE = 30 / 10_000


class SimulatedPair:
    """Every event that changes the reserves is preceded by a Sync, as the contract does it."""

    def __init__(self, contract: Contract, chain: Chain, generator: random.Random) -> None:
        self._address, self._venue_id = contract
        self._chain = chain
        self._random = generator
        self._router, self._founder, *self._traders = accounts(generator, 10)
        self._pair = Pair()

    def open(self, amount0: int, amount1: int) -> Iterator[TLV]:
        """The first liquidity, which never leaves."""
        return self._mint(self._founder, amount0, amount1)

    def block(self, numerator: int, denominator: int) -> Iterator[TLV]:
        """The events of one block, where one raw token0 is fairly worth that much raw token1."""
        pair, bits = self._pair, self._random.getrandbits
        # Arbitrage: where the price has left the fee's band around the fair one, back to the middle.
        fair0 = isqrt(pair.reserve0 * pair.reserve1 * denominator // numerator)
        if pair.reserve0 > fair0 * (1 + _FEE):
            yield from self._swap(sells0=False, amount=pair.reserve1 * (pair.reserve0 - fair0) // fair0)
        elif pair.reserve0 < fair0 * (1 - _FEE):
            yield from self._swap(sells0=True, amount=fair0 - pair.reserve0)
        sells0 = bits(1) == 1
        reserve = pair.reserve0 if sells0 else pair.reserve1
        yield from self._swap(sells0=sells0, amount=reserve * (bits(6) + 1) >> 18)
        dice = bits(6)
        if dice == 0:
            part = bits(6) + 1
            amounts = (pair.reserve0 * part >> 16, pair.reserve1 * part >> 16)
            yield from self._mint(self._random.choice(self._traders), *amounts)
        elif dice == 1:
            yield from self._burn(self._random.choice(self._traders))

    def _swap(self, *, sells0: bool, amount: int) -> Iterator[TLV]:
        if sells0:
            out0, out1 = 0, self._pair.sell0(amount)
            net0, net1 = amount, -out1
        else:
            out0, out1 = self._pair.sell1(amount), 0
            net0, net1 = -out0, amount
        yield self._sync()
        yield PoolSwapTLV(
            net0,
            net1,
            out0,
            out1,
            None,
            self._address,
            self._router,
            self._random.choice(self._traders),
            None,
            None,
            Protocol.UNISWAP_V2,
            *self._chain.place(self._venue_id),
        )

    def _mint(self, owner: bytes, amount0: int, amount1: int) -> Iterator[TLV]:
        self._pair.mint(owner, amount0, amount1)
        yield self._sync()
        yield PoolMintTLV(
            amount0,
            amount1,
            None,
            self._address,
            None,
            self._router,
            None,
            None,
            Protocol.UNISWAP_V2,
            *self._chain.place(self._venue_id),
        )

    def _burn(self, owner: bytes) -> Iterator[TLV]:
        shares = self._pair.shares[owner]
        if shares:
            amount0, amount1 = self._pair.burn(owner, shares)
            yield self._sync()
            yield PoolBurnTLV(
                amount0,
                amount1,
                None,
                self._address,
                None,
                self._router,
                owner,
                None,
                None,
                Protocol.UNISWAP_V2,
                *self._chain.place(self._venue_id),
            )

    def _sync(self) -> PoolSyncTLV:
        return PoolSyncTLV(self._pair.reserve0, self._pair.reserve1, self._address, *self._chain.place(self._venue_id))
