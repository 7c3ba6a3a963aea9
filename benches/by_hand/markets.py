"""Messages of exchanges, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

from .base import Message, at_least, signed, value

__all__ = ["DepthUpdate", "Level", "OrderBook", "PriceUpdate", "Quote", "SpreadUpdate", "Trade", "VolumeUpdate"]

#: Before the levels of a side: the size of one.
ITEM = struct.Struct("<Q")
LEVEL = struct.Struct("<qqI4x")
TRADE = struct.Struct("<qqqI4x")
QUOTE = struct.Struct("<qqqqqI4x")
ORDER_BOOK = struct.Struct("<QqI4xIIII")
PRICE_UPDATE = struct.Struct("<qqqI4x")
VOLUME_UPDATE = struct.Struct("<16sqqQqI4x")
DEPTH_UPDATE = struct.Struct("<QQqIB3xIIII")
SPREAD_UPDATE = struct.Struct("<qqqI4x")


class DepthKind(IntEnum):
    """What a depth message carries."""

    UPDATE = 0
    SNAPSHOT = 1


def pack_levels(levels: Sequence[Level]) -> bytes:
    """The levels of one side, behind the size of one; nothing for none."""
    if not levels:
        return b""
    if len(levels) > 65_535:
        raise ValueError("a side has at most 65535 levels")
    return ITEM.pack(LEVEL.size) + b"".join(level.as_bytes() for level in levels)


def read_levels(data: bytes, start: int, place: int, count: int) -> list[Level]:
    """The levels of one side of a message that begins at ``start``."""
    if not count:
        return []
    at = start + place
    if at + ITEM.size > len(data):
        raise ValueError("a side begins behind the end")
    (size,) = ITEM.unpack_from(data, at)
    if size < LEVEL.size or at + ITEM.size + count * size > len(data):
        raise ValueError("a side ends behind the end")
    return [Level.read_from(data, at + ITEM.size + number * size) for number in range(count)]


class Level(Message):
    """One price level of a book; in an update, size 0 deletes the level."""

    __slots__ = ("order_count", "price", "size")

    def __init__(self, price: int, size: int, order_count: int = 0) -> None:
        self.price = price
        self.size = size
        self.order_count = order_count

    def as_bytes(self) -> bytes:
        return LEVEL.pack(self.price, self.size, self.order_count)

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> Level:
        price, size, order_count = LEVEL.unpack_from(data, offset)
        return cls(price, size, order_count)

    def validate(self) -> None:
        at_least(self.price, 0, "price")
        at_least(self.size, 0, "size")


class Trade(Message):
    """One trade of a market."""

    __slots__ = ("price", "quantity", "timestamp", "venue_id")

    def __init__(self, price: int, quantity: int, timestamp: int, venue_id: int) -> None:
        self.price = price
        self.quantity = quantity
        self.timestamp = timestamp
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return TRADE.pack(self.price, self.quantity, self.timestamp, self.venue_id)

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> Trade:
        price, quantity, timestamp, venue_id = TRADE.unpack_from(data, offset)
        return cls(price, quantity, timestamp, venue_id)

    def validate(self) -> None:
        at_least(self.price, 1, "price")
        if self.quantity == 0:
            raise ValueError("quantity must not be 0")
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")


class Quote(Message):
    """Best bid and ask of a market; a side without orders has price and size 0."""

    __slots__ = ("ask_price", "ask_size", "bid_price", "bid_size", "timestamp", "venue_id")

    def __init__(
        self, bid_price: int, bid_size: int, ask_price: int, ask_size: int, timestamp: int, venue_id: int
    ) -> None:
        self.bid_price = bid_price
        self.bid_size = bid_size
        self.ask_price = ask_price
        self.ask_size = ask_size
        self.timestamp = timestamp
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return QUOTE.pack(self.bid_price, self.bid_size, self.ask_price, self.ask_size, self.timestamp, self.venue_id)

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> Quote:
        bid_price, bid_size, ask_price, ask_size, timestamp, venue_id = QUOTE.unpack_from(data, offset)
        return cls(bid_price, bid_size, ask_price, ask_size, timestamp, venue_id)

    def validate(self) -> None:
        at_least(self.bid_price, 0, "bid_price")
        at_least(self.bid_size, 0, "bid_size")
        at_least(self.ask_price, 0, "ask_price")
        at_least(self.ask_size, 0, "ask_size")
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")
        if self.bid_price and self.ask_price and self.ask_price < self.bid_price:
            raise ValueError("ask_price must not be below bid_price")


class OrderBook(Message):
    """A book as it stands, best level first on each side."""

    __slots__ = ("asks", "bids", "sequence", "timestamp", "venue_id")

    def __init__(
        self, sequence: int, timestamp: int, venue_id: int, bids: Sequence[Level] = (), asks: Sequence[Level] = ()
    ) -> None:
        self.sequence = sequence
        self.timestamp = timestamp
        self.venue_id = venue_id
        self.bids = bids
        self.asks = asks

    def as_bytes(self) -> bytes:
        bids, asks = pack_levels(self.bids), pack_levels(self.asks)
        bids_at = ORDER_BOOK.size if bids else 0
        asks_at = ORDER_BOOK.size + len(bids) if asks else 0
        head = ORDER_BOOK.pack(
            self.sequence, self.timestamp, self.venue_id, bids_at, len(self.bids), asks_at, len(self.asks)
        )
        return head + bids + asks

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> OrderBook:
        sequence, timestamp, venue_id, *places = ORDER_BOOK.unpack_from(data, offset)
        bids = read_levels(data, offset, places[0], places[1])
        asks = read_levels(data, offset, places[2], places[3])
        return cls(sequence, timestamp, venue_id, bids, asks)

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")
        for level in (*self.bids, *self.asks):
            level.validate()


class PriceUpdate(Message):
    """The last price of a market and its volume-weighted mean so far."""

    __slots__ = ("price", "timestamp", "venue_id", "vwap")

    def __init__(self, price: int, vwap: int, timestamp: int, venue_id: int) -> None:
        self.price = price
        self.vwap = vwap
        self.timestamp = timestamp
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return PRICE_UPDATE.pack(self.price, self.vwap, self.timestamp, self.venue_id)

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PriceUpdate:
        price, vwap, timestamp, venue_id = PRICE_UPDATE.unpack_from(data, offset)
        return cls(price, vwap, timestamp, venue_id)

    def validate(self) -> None:
        at_least(self.price, 1, "price")
        at_least(self.vwap, 1, "vwap")
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")


class VolumeUpdate(Message):
    """What was traded in a market so far; notional / volume is the exact mean price."""

    __slots__ = ("buy_volume", "notional", "timestamp", "trade_count", "venue_id", "volume")

    def __init__(
        self, notional: int, volume: int, buy_volume: int, trade_count: int, timestamp: int, venue_id: int
    ) -> None:
        self.notional = notional
        self.volume = volume
        self.buy_volume = buy_volume
        self.trade_count = trade_count
        self.timestamp = timestamp
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return VOLUME_UPDATE.pack(
            signed(self.notional, 16), self.volume, self.buy_volume, self.trade_count, self.timestamp, self.venue_id
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> VolumeUpdate:
        notional, volume, buy_volume, trade_count, timestamp, venue_id = VOLUME_UPDATE.unpack_from(data, offset)
        return cls(value(notional, sign=True), volume, buy_volume, trade_count, timestamp, venue_id)

    def validate(self) -> None:
        at_least(self.notional, 0, "notional")
        at_least(self.volume, 0, "volume")
        at_least(self.buy_volume, 0, "buy_volume")
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")


class DepthUpdate(Message):
    """Changed levels of a book, or all of them (a snapshot)."""

    __slots__ = ("asks", "bids", "first_update_id", "kind", "last_update_id", "timestamp", "venue_id")

    def __init__(
        self,
        first_update_id: int,
        last_update_id: int,
        timestamp: int,
        venue_id: int,
        kind: DepthKind,
        bids: Sequence[Level] = (),
        asks: Sequence[Level] = (),
    ) -> None:
        self.first_update_id = first_update_id
        self.last_update_id = last_update_id
        self.timestamp = timestamp
        self.venue_id = venue_id
        self.kind = kind
        self.bids = bids
        self.asks = asks

    def as_bytes(self) -> bytes:
        bids, asks = pack_levels(self.bids), pack_levels(self.asks)
        bids_at = DEPTH_UPDATE.size if bids else 0
        asks_at = DEPTH_UPDATE.size + len(bids) if asks else 0
        head = DEPTH_UPDATE.pack(
            self.first_update_id,
            self.last_update_id,
            self.timestamp,
            self.venue_id,
            self.kind,
            bids_at,
            len(self.bids),
            asks_at,
            len(self.asks),
        )
        return head + bids + asks

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> DepthUpdate:
        first_update_id, last_update_id, timestamp, venue_id, kind, *places = DEPTH_UPDATE.unpack_from(data, offset)
        bids = read_levels(data, offset, places[0], places[1])
        asks = read_levels(data, offset, places[2], places[3])
        return cls(first_update_id, last_update_id, timestamp, venue_id, DepthKind(kind), bids, asks)

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")
        for level in (*self.bids, *self.asks):
            level.validate()


class SpreadUpdate(Message):
    """Distance between best bid and best ask of a market."""

    __slots__ = ("mid", "spread", "timestamp", "venue_id")

    def __init__(self, spread: int, mid: int, timestamp: int, venue_id: int) -> None:
        self.spread = spread
        self.mid = mid
        self.timestamp = timestamp
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return SPREAD_UPDATE.pack(self.spread, self.mid, self.timestamp, self.venue_id)

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> SpreadUpdate:
        spread, mid, timestamp, venue_id = SPREAD_UPDATE.unpack_from(data, offset)
        return cls(spread, mid, timestamp, venue_id)

    def validate(self) -> None:
        at_least(self.spread, 0, "spread")
        at_least(self.mid, 0, "mid")
        at_least(self.timestamp, 0, "timestamp")
        at_least(self.venue_id, 1, "venue_id")
