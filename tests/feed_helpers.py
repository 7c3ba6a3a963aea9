"""Feeds run to the end without a topology, and the venue table of the shipped one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from actors.feeds.books import BooksFeed
from actors.feeds.dex import DexFeed
from actors.feeds.feed import Feed
from actors.feeds.quotes_feed import QuotesFeed
from actors.feeds.trades_feed import TradesFeed
from configs.feeds import BooksFeedConfig, DexFeedConfig, FeedConfig, QuotesFeedConfig, TradesFeedConfig
from mycelium.actor.context import ActorContext
from mycelium.venues import Venue, VenueTable
from tlv import TLV

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "market_data.toml"
FEEDS: dict[str, tuple[type[Feed], type[FeedConfig]]] = {
    "trades": (TradesFeed, TradesFeedConfig),
    "quotes": (QuotesFeed, QuotesFeedConfig),
    "books": (BooksFeed, BooksFeedConfig),
    "dex": (DexFeed, DexFeedConfig),
}
USDC_WETH = bytes.fromhex("88e6a0c2ddd26feeb64f039a2c41296fcb3f5640")

Message = TypeVar("Message", bound=TLV)


@dataclass
class Run:
    """What a feed sent, and the feed itself."""

    feed: Feed
    messages: list[TLV]

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.feed.refused)

    def only(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]


def shipped_venues() -> VenueTable:
    """The venue table of configs/market_data.toml."""
    return VenueTable([Venue(**venue) for venue in tomllib.loads(CONFIG.read_text())["venues"]], topology="market-data")


def make_feed(name: str, *, venues: VenueTable | None = None, **config: Any) -> Feed:
    """A feed that does not run yet."""
    feed, config_class = FEEDS[name]
    context = ActorContext(name=name, venues=shipped_venues() if venues is None else venues)
    return feed.create(config_class(**config), context=context)


def run_feed(name: str, *files: Path, venues: VenueTable | None = None, **config: Any) -> Run:
    """All messages of ``files``, or of ``input`` in the config."""
    feed = make_feed(name, venues=venues, files=files, **config)
    return Run(feed, list(feed.produce()))


def write_csv(path: Path, header: str, rows: Iterable[str]) -> Path:
    """A file of lines."""
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def counts(messages: Iterable[TLV]) -> Mapping[str, int]:
    """How many of each kind."""
    found: dict[str, int] = {}
    for message in messages:
        found[type(message).__name__] = found.get(type(message).__name__, 0) + 1
    return found
