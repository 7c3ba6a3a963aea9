"""The actors whose nodes `benches/scaling.py` watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from mycelium import Actor, Config, Source, handles
from tlv import TLV, Size
from tlv.market_data import TradeTLV


class Small(TLV, type=1900):
    data: Annotated[bytes, Size(256)]


class Middle(TLV, type=1901):
    data: Annotated[bytes, Size(1_024)]


class Large(TLV, type=1902):
    data: Annotated[bytes, Size(4_096)]


#: Beside trades, by their size in bytes.
BLOBS: dict[int, type[Small | Middle | Large]] = {256: Small, 1_024: Middle, 4_096: Large}


class FloodConfig(Config, prefix="SCALING_FLOOD_"):
    size: int = Field(0, ge=0, description="bytes of a message; 0 for trades of 32")
    idle: bool = Field(False, description="whether it emits one message only")


class Flood(Source, emits=(TradeTLV, Small, Middle, Large)):
    """Emits as fast as it may, until it is stopped."""

    def __init__(self, config: FloodConfig) -> None:
        super().__init__()
        self.config = config

    def produce(self) -> Iterator[TLV]:
        data, kind = bytes(self.config.size), BLOBS.get(self.config.size)
        while not self.config.idle:
            yield TradeTLV(1, 2, 3, 4) if kind is None else kind(data)
        while not self.pause(3600.0):
            pass


class Trades(Actor, receives=TradeTLV):
    """Reads two fields of each."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        self.total += trade.price + trade.quantity


class Blobs(Actor, receives=(Small, Middle, Large)):
    """Looks at the end of each."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @handles
    def on_blob(self, blob: Small | Middle | Large) -> None:
        self.total += len(blob.data)
