"""Simulated exchanges: the same instruments on several venues, following one hidden price."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count, islice

from actors.pacing import paced
from actors.simulator.hidden_walk import BEAT_NS, START_NS, HiddenWalk, in_units
from actors.simulator.market import SimulatedMarket
from configs.simulator import SimulatedVenuesConfig
from mycelium import Source
from tlv import TLV
from tlv.market_data import DepthUpdateTLV, QuoteTLV, TradeTLV

__all__ = ["SimulatedVenues"]

_EVENTS_PER_BEAT = 5
"""Trades and quotes of a market between two depth updates."""


class SimulatedVenues(Source, emits=(TradeTLV, QuoteTLV, DepthUpdateTLV)):
    """A snapshot of every market, then trades, quotes and depth updates in the order of their times."""

    def __init__(self, config: SimulatedVenuesConfig) -> None:
        super().__init__()
        self.config = config
        self.progress.total = config.messages
        self.progress.label = "messages"

    def produce(self) -> Iterator[TLV]:
        messages = islice(self._messages(), self.config.messages)
        for message in paced(messages, self.config.speed, self.wait_until):
            yield message
            self.progress.done += 1

    def _messages(self) -> Iterator[TLV]:
        config = self.config
        walks = {symbol: HiddenWalk(config.seed, symbol, in_units(price)) for symbol, price in config.prices.items()}
        markets = [
            (walk, SimulatedMarket(venue.id, walk.price, random.Random(f"{venue.name}/{config.seed}")))
            for symbol, walk in walks.items()
            for venue in (self.venues.by_symbol(exchange, symbol) for exchange in config.exchanges)
        ]
        for _, market in markets:
            yield market.snapshot(START_NS)
        order = random.Random(f"order/{config.seed}")
        events = [market for _, market in markets for _ in range(_EVENTS_PER_BEAT)]
        pause = BEAT_NS // (len(events) + len(markets))
        for beat in count():
            timestamp = START_NS + beat * BEAT_NS
            for walk in walks.values():
                walk.step()
            for walk, market in markets:
                market.follow(walk.price)
            order.shuffle(events)
            for market in events:
                timestamp += pause
                yield market.event(timestamp)
            for _, market in markets:
                timestamp += pause
                update = market.depth_update(timestamp)
                if update:
                    yield update
