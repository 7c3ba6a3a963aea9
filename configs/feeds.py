"""Settings of the feeds in `actors.feeds`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from mycelium import Config

__all__ = [
    "BooksFeedConfig",
    "DexFeedConfig",
    "FeedConfig",
    "QuotesFeedConfig",
    "TradesFeedConfig",
    "WebsocketFeedConfig",
]


class FeedConfig(Config):
    """What every feed may be told."""

    input: Path | None = Field(
        None, description="directory (or file) to look through: a feed reads what it recognises by its content"
    )
    files: tuple[Path, ...] = Field((), description="files to read besides, each of which the feed must recognise")
    on_malformed: Literal["stop", "skip"] = Field(
        "stop", description="a malformed row stops the feed, or is left out and counted"
    )
    unknown_venues: Literal["stop", "skip", "number"] = Field(
        "stop",
        description="a market that the venue table does not list stops the feed, is left out and counted, "
        "or gets a venue id made from its name",
    )
    speed: str = Field("max", description='"max", or a factor of recorded time such as "1x"')


class TradesFeedConfig(FeedConfig, prefix="TRADES_FEED_"):
    """Where trades come from."""

    symbol: str = Field("", description="market of files that have no column for it and do not tell it by their name")


class QuotesFeedConfig(FeedConfig, prefix="QUOTES_FEED_"):
    """Where quotes come from."""

    symbol: str = Field("", description="market of files that have no column for it and do not tell it by their name")


class BooksFeedConfig(FeedConfig, prefix="BOOKS_FEED_"):
    """Where books come from."""

    gaps: Literal["stop", "skip"] = Field(
        "skip", description="missing updates stop the feed, or are told and counted, and the next snapshot is awaited"
    )


class DexFeedConfig(FeedConfig, prefix="DEX_FEED_"):
    """Where event logs come from."""

    pool: str = Field(
        "",
        pattern=r"^(0x[0-9a-fA-F]{40})?$",
        description="pool of raw CSV files whose name does not tell its address",
    )
    lookalikes: Literal["stop", "skip"] = Field(
        "skip",
        description="a log of a contract that only carries a pool's topic stops the feed, or is left out and counted",
    )
    require_sync: bool = Field(
        True, description="a V2 event without its pair's Sync before it is a look-alike; off for sources without Syncs"
    )
    repeated: Literal["skip", "keep"] = Field(
        "skip", description="a log that an earlier file (or line) already told is left out and counted, or sent again"
    )


class WebsocketFeedConfig(Config, prefix="WEBSOCKET_FEED_"):
    """Which streams are listened to, and what happens when the connection breaks."""

    url: str = Field(
        "ws://127.0.0.1:8765/stream", pattern=r"^wss?://\S+$", description="address of the combined streams of a server"
    )
    symbols: list[str] = Field(min_length=1, description='markets, as the exchange spells them: ["BTCUSDT"]')
    channels: list[str] = Field(
        ["depth@100ms", "bookTicker", "aggTrade"], min_length=1, description="what of each market is subscribed to"
    )
    snapshots: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="where a snapshot of a book is asked for; left out, /api/v3/depth of the same host",
    )
    stop_on_close: bool = Field(
        False, description="a normal close ends the feed, as at the end of a replay; otherwise it connects again"
    )
    reconnect_s: float = Field(0.5, gt=0, description="pause before the second try to connect; it doubles each time")
    reconnect_max_s: float = Field(30.0, gt=0, description="the longest pause between two tries to connect")
    open_timeout_s: float = Field(10.0, gt=0, description="how long connecting, or asking for a snapshot, may take")
    snapshot_every_s: float = Field(1.0, gt=0, description="least time between two requests for one market's snapshot")
    frame_bytes_max: int = Field(1 << 20, ge=1024, description="a larger frame closes the connection, and is counted")
    on_malformed: Literal["stop", "skip"] = Field(
        "skip", description="a malformed frame stops the feed, or is left out and counted"
    )
    gaps: Literal["stop", "skip"] = Field(
        "skip", description="missing updates stop the feed, or are told and counted, and a snapshot is asked for"
    )
    unknown_venues: Literal["stop", "skip", "number"] = Field(
        "stop",
        description="a market that the venue table does not list stops the feed, is left out and counted, "
        "or gets a venue id made from its name",
    )
