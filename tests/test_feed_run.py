"""Feeds as running actors: what they read arrives, they end by themselves, and a fault stops them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.errors import MalformedRowError
from actors.market_data import MarketData
from mycelium import Actor, connect, handles, plan_routes
from tests.feed_helpers import make_feed, write_csv
from tlv.market_data import QuoteTLV, TradeTLV

TRADES = "timestamp,trade_id,price,quantity,buyer_maker"
GOOD = "2021-01-08T00:00:00.{:03d}Z,1,100.5,0.25,True"


class Collector(Actor, receives=(TradeTLV, QuoteTLV)):
    """Keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[TradeTLV | QuoteTLV] = []

    @handles
    def on_any(self, message: TradeTLV | QuoteTLV) -> None:
        self.seen.append(message)


def collected(path: Path, **config: Any) -> tuple[Actor, Collector]:
    feed, collector = make_feed("trades", files=(path,), **config), Collector.create()
    actors: dict[str, Actor] = {"trades": feed, "collector": collector}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    try:
        collector.launch()
        feed.launch()
        assert feed.finished.wait(30)
    finally:
        for actor in actors.values():
            actor.actor_ref.stop(timeout=30)
    return feed, collector


def test_every_row_arrives_in_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, map(GOOD.format, range(900)))
    feed, collector = collected(path)
    assert feed.failure is None
    assert [trade.timestamp for trade in collector.seen] == [1610064000000000000 + i * 10**6 for i in range(900)]


def test_a_malformed_row_stops_the_feed_after_what_came_before(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [GOOD.format(1), "x", GOOD.format(2)])
    feed, collector = collected(path)
    assert isinstance(feed.failure, MalformedRowError)
    assert len(collector.seen) == 1


def test_a_paced_feed_sends_everything_too(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, map(GOOD.format, (0, 5, 10)))
    _, collector = collected(path, speed="1000x")
    assert len(collector.seen) == 3


@pytest.mark.parametrize("name", ["trades", "quotes", "books", "dex"])
def test_a_feed_emits_messages_of_the_set_only(name: str) -> None:
    assert set(make_feed(name).__contract__.emits) <= set(MarketData.messages)
