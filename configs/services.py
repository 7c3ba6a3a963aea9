"""Settings of the services in `actors.services`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from mycelium import Config

__all__ = ["ArbitrageConfig", "BookBuilderConfig", "MonitorConfig", "RecorderConfig", "TapeConfig"]


class BookBuilderConfig(Config, prefix="BOOK_BUILDER_"):
    """How much of each book is published."""

    levels: int = Field(10, ge=1, le=5000, description="levels of each side in a published book")


class TapeConfig(Config, prefix="TAPE_"):
    """How often the tape reports."""

    volume_every: int = Field(100, ge=1, description="trades of a market between two volume updates")


class ArbitrageConfig(Config, prefix="ARBITRAGE_"):
    """What counts as an opportunity, and how loudly it is told."""

    threshold_bps: float = Field(5.0, ge=0, description="least gain that is worth telling, in basis points")
    max_age_s: float = Field(1.0, gt=0, description="prices further apart in market time are not compared")
    v2_fee_bps: float = Field(30.0, ge=0, lt=10_000, description="fee of Uniswap V2 pairs, in basis points")
    v3_fee_bps: float = Field(5.0, ge=0, lt=10_000, description="fee of Uniswap V3 pools, in basis points")
    log_every_s: float = Field(1.0, ge=0, description="least time between two log lines of an instrument")


class RecorderConfig(Config, prefix="RECORDER_"):
    """Where the recording goes."""

    path: Path = Field(
        Path("recordings/market_data.frames"), description="file of the recording; its directory is created"
    )
    append: bool = Field(False, description="go on at the end of the file; otherwise it begins anew")
    frame_bytes: int = Field(
        65_536, ge=64, le=8 * 1024 * 1024, description="a frame is written once it has so many bytes, and at the end"
    )


class MonitorConfig(Config, prefix="MONITOR_"):
    """The picture at the end."""

    width: int = Field(32, ge=1, le=200, description="bars of a sparkline")
    markets: int = Field(4, ge=1, description="markets shown, the busiest first")
