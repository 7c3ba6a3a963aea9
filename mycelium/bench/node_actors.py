"""Actors of nodes whose start and whose rest are measured: each writes what it saw into a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from tlv import TLV
from tlv.market_data import TradeTLV

__all__ = ["Arrival", "ArrivalConfig", "Rests", "RestsConfig"]

_TRADE = (3_943_248_000_000, -12_500_000, 1_700_000_000_123_456_789, 101)


class RestsConfig(Config, prefix="MYCELIUM_BENCH_RESTS_"):
    """Settings of `Rests`."""

    seconds: float = Field(
        0.0, ge=0, description="how long it sends nothing between its two messages; 0 for one message"
    )


class Rests(Source, emits=TradeTLV):
    """Sends a trade, rests, and sends another one."""

    def __init__(self, config: RestsConfig) -> None:
        super().__init__()
        self.config = config

    def produce(self) -> Iterator[TLV]:
        """Make them."""
        yield TradeTLV(*_TRADE)
        if self.config.seconds:
            threading.Event().wait(self.config.seconds)
            yield TradeTLV(*_TRADE)


class ArrivalConfig(Config, prefix="MYCELIUM_BENCH_ARRIVAL_"):
    """Settings of `Arrival`."""

    path: Path = Field(
        Path("arrival"), description="where it writes, for each message, the clock and the processor time"
    )


class Arrival(Actor, receives=TradeTLV):
    """Writes down when messages came, and how much of the processor its node had used by then."""

    def __init__(self, config: ArrivalConfig) -> None:
        super().__init__()
        self.config = config

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Note it."""
        del trade
        with self.config.path.open("a", encoding="utf-8") as file:
            file.write(f"{time.monotonic()} {time.process_time()}\n")
