"""Simulated pools: one instrument in a Uniswap V2 pair and in a V3 pool with its position manager."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from actors.pacing import paced
from actors.services.pool_price import PoolPrice
from actors.simulator.chain import BLOCK_NS, Chain, Contract
from actors.simulator.errors import SimulatedPoolVenueError
from actors.simulator.hidden_walk import BEAT_NS, START_NS, HiddenWalk, in_units
from actors.simulator.simulated_pair import SimulatedPair
from actors.simulator.simulated_pool import SimulatedPool
from configs.simulator import SimulatedPoolsConfig
from mycelium import Source
from mycelium.venues import Venue
from tlv import TLV
from tlv.market_data import (
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
)

__all__ = ["SimulatedPools"]

_DEPTH = 10_000_000
"""What each pool begins with on either side, in whole quote tokens."""


class SimulatedPools(
    Source,
    emits=(
        PoolSwapTLV,
        PoolMintTLV,
        PoolBurnTLV,
        PoolSyncTLV,
        PoolTickTLV,
        PoolCollectTLV,
        PoolFlashTLV,
        LiquidityAddTLV,
        LiquidityRemoveTLV,
    ),
):
    """Block after block: trades that follow the fair price, trades that do not, and liquidity."""

    def __init__(self, config: SimulatedPoolsConfig) -> None:
        super().__init__()
        self.progress.total = config.messages
        self.progress.label = "messages"
        self.walk = HiddenWalk(config.seed, config.symbol, in_units(config.price))
        self.chain = Chain(START_NS)
        generator = random.Random(f"pools/{config.seed}")
        pair = self.venues.by_symbol(config.pair, config.symbol)
        pool = self.venues.by_symbol(config.pool, config.symbol)
        manager = contract_of(self.venues.by_name(config.manager))
        self.pools = (
            (price_in(pair), SimulatedPair(contract_of(pair), self.chain, generator)),
            (price_in(pool), SimulatedPool(contract_of(pool), manager, self.chain, generator)),
        )
        self.messages = paced(islice(self._simulate(), config.messages), config.speed, self.wait_until)

    def produce(self) -> Iterator[TLV]:
        for message in self.messages:
            yield message
            self.progress.done += 1

    def _simulate(self) -> Iterator[TLV]:
        for price, pool in self.pools:
            yield from pool.open(*price.amounts(self.walk.price, _DEPTH))
        while True:
            self.chain.next_block()
            for _ in range(BLOCK_NS // BEAT_NS):
                self.walk.step()
            for price, pool in self.pools:
                yield from pool.block(*price.raw_ratio(self.walk.price))


def price_in(venue: Venue) -> PoolPrice:
    """How the pool of a venue is priced. Raises `SimulatedPoolVenueError`."""
    price = PoolPrice.of(venue)
    if price is None:
        raise SimulatedPoolVenueError(
            venue=venue.name, needs="tokens, decimals, and a symbol that ends with the name of one of the tokens"
        )
    return price


def contract_of(venue: Venue) -> Contract:
    """Where events of a venue come from. Raises `SimulatedPoolVenueError`."""
    if venue.address is None:
        raise SimulatedPoolVenueError(venue=venue.name, needs="an address")
    return Contract(venue.address, venue.id)
