"""Actors whose work is divided among processes: a source of trades of many markets, and one that takes its time with each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from pydantic import Field

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from tlv import TLV
from tlv.market_data import TradeTLV

__all__ = ["Markets", "MarketsConfig", "Worker", "WorkerConfig", "seconds_of"]

_MARKETS = 1_000


class MarketsConfig(Config, prefix="MYCELIUM_BENCH_MARKETS_"):
    """Settings of `Markets`."""

    trades: int = Field(1_000, ge=1, description="how many trades it makes, each of the next of 1,000 markets")


class Markets(Source, emits=TradeTLV):
    """Makes trades of one market after the other."""

    def __init__(self, config: MarketsConfig) -> None:
        super().__init__()
        self.trades = config.trades

    def produce(self) -> Iterator[TLV]:
        """Make them."""
        for number in range(self.trades):
            yield TradeTLV(3_943_248_000_000, -12_500_000, 1_700_000_000_123_456_789, number % _MARKETS + 1)


class WorkerConfig(Config, prefix="MYCELIUM_BENCH_WORKER_"):
    """Settings of `Worker`."""

    loops: int = Field(100, ge=0, description="how many empty loops it does for each trade")
    folder: Path = Field(Path(), description="where it writes when it began and ended")


class Worker(Actor, receives=TradeTLV):
    """Does a fixed amount of work for each trade, and writes down when it handled the first and the last."""

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__()
        self.config = config
        self.first = self.last = 0.0
        self.handled = 0

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Take the time that was asked for."""
        if not self.handled:
            self.first = time.monotonic()
        self.handled += 1
        for _ in repeat(None, self.config.loops):
            pass

    def on_stop(self) -> None:
        """Write it down; the clock is that of the machine."""
        path = self.config.folder / f"{self.name}.times"
        path.write_text(f"{self.first} {time.monotonic()} {self.handled}", encoding="utf-8")


def seconds_of(folder: Path, trades: int) -> float:
    """From the first trade that any worker handled to the last, of all. Raises ``ValueError`` where some were not handled."""
    times = [path.read_text(encoding="utf-8").split() for path in sorted(folder.glob("*.times"))]
    if sum(int(handled) for *_, handled in times) != trades:
        msg = f"{trades} trades were to be handled, and there are {times}"
        raise ValueError(msg)
    return max(float(last) for _, last, _ in times) - min(float(first) for first, *_ in times)
