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
        self.progress.total = config.messages
        self.progress.label = "messages"
        self.walks = {
            symbol: HiddenWalk(config.seed, symbol, in_units(price)) for symbol, price in config.prices.items()
        }
        self.markets = [
            (walk, SimulatedMarket(venue.id, walk.price, random.Random(f"{venue.name}/{config.seed}")))
            for symbol, walk in self.walks.items()
            for venue in (self.venues.by_symbol(exchange, symbol) for exchange in dict.fromkeys(config.exchanges))
        ]
        self.order = random.Random(f"order/{config.seed}")
        self.messages = paced(islice(self._simulate(), config.messages), config.speed, self.wait_until)

    def produce(self) -> Iterator[TLV]:
        for message in self.messages:
            yield message
            self.progress.done += 1

    def _simulate(self) -> Iterator[TLV]:
        markets = [market for _, market in self.markets]
        for market in markets:
            yield market.snapshot(START_NS)
        events = markets * _EVENTS_PER_BEAT
        pause = BEAT_NS // (len(events) + len(markets))
        for beat in count():
            timestamp = START_NS + beat * BEAT_NS
            for walk in self.walks.values():
                walk.step()
            for walk, market in self.markets:
                market.follow(walk.price)
            self.order.shuffle(events)
            for market in events:
                timestamp += pause
                yield market.event(timestamp)
            for market in markets:
                timestamp += pause
                update = market.depth_update(timestamp)
                if update:
                    yield update
