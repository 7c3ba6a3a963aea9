"""Settings of the feeds in `actors.feeds`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from mycelium import Config

__all__ = ["BooksFeedConfig", "DexFeedConfig", "FeedConfig", "QuotesFeedConfig", "TradesFeedConfig"]


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
