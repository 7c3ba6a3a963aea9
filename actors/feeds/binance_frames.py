"""What Binance sends: frames of its websocket streams and snapshots of books, as messages.

Both the captures in files and the live feed come here, so that a recorded stream is read as it was when it was live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tlv import TLV
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderLevel, QuoteTLV, TradeTLV

from .book_stream import LEVELS_MAX, Books, Depth
from .csv_rows import UINT64_MAX, market_name, not_negative, positive
from .markets import Markets
from .reading import Reading

__all__ = ["Received", "exchange_of", "messages_of"]

_HOSTS = (("fstream.", "binance-futures"), ("fapi.", "binance-futures"), ("dstream.", "binance-delivery"))
_MORE_HOSTS = (("dapi.", "binance-delivery"), ("binance.us", "binance-us"), ("trbinance", "binance-tr"))
_MILLISECOND = 1_000_000
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Received:
    """A frame, an answer with a snapshot, or the opening of streams; and when it was received, in ns since 1970."""

    received: int
    reading: Reading
    line: int
    exchange: str
    symbol: str  # of a snapshot; "" for a frame
    body: Any
    opened: tuple[str, ...] = ()  # markets whose stream begins here; then there is no body


def messages_of(record: Received, markets: Markets, books: Books) -> Iterator[TLV]:
    """The messages of one frame or snapshot, and of updates that waited for it; a fault is refused by its reading."""
    record.reading.rows += 1
    try:
        if record.symbol:
            yield from _snapshot(record, markets, books)
        else:
            yield from _frame(record, markets, books)
    except _FieldError as error:
        record.reading.refuse(record.reading.malformed(record.line, error.column, error.value, error.rule))


def exchange_of(address: str) -> str:
    """Which exchange of Binance an address belongs to, as the venue table spells it."""
    return next((exchange for part, exchange in _HOSTS + _MORE_HOSTS if part in address), "binance")


class _FieldError(Exception):
    def __init__(self, column: str, value: object, rule: str) -> None:
        super().__init__(column)
        self.column, self.value, self.rule = column, str(value), rule


def _field(data: Any, name: str) -> Any:
    if not isinstance(data, dict) or name not in data:
        raise _FieldError(name, "missing", "a field of this event")
    return data[name]


def _number(data: Any, name: str, parse: Callable[[str], int]) -> int:
    value = _field(data, name)
    try:
        return parse(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise _FieldError(name, value, str(error)) from None


def _whole(data: Any, name: str, limit: int = UINT64_MAX) -> int:
    value = _field(data, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise _FieldError(name, value, f"a whole number up to {limit}")
    return value


def _time(data: Any, name: str) -> int:
    return _whole(data, name, _INT64_MAX // _MILLISECOND) * _MILLISECOND


def _levels(data: Any, name: str) -> list[OrderLevel]:
    value = _field(data, name)
    levels = []
    if not isinstance(value, list) or len(value) > LEVELS_MAX:
        raise _FieldError(name, value, f"a list of at most {LEVELS_MAX} levels")
    for item in value:
        if not isinstance(item, list) or len(item) < 2 or not isinstance(item[0], str) or not isinstance(item[1], str):
            raise _FieldError(name, item, "a price and a size as text")
        try:
            levels.append(OrderLevel(positive(item[0]), not_negative(item[1])))
        except ValueError as error:
            raise _FieldError(name, item, str(error)) from None
    return levels


def _snapshot(record: Received, markets: Markets, books: Books) -> Iterator[TLV]:
    if not isinstance(record.body, dict) or "lastUpdateId" not in record.body:
        raise _FieldError("lastUpdateId", record.body, "a field of a snapshot")
    last = _whole(record.body, "lastUpdateId")
    bids, asks = _levels(record.body, "bids"), _levels(record.body, "asks")
    venue_id = markets.venue_id(record.reading, record.exchange, record.symbol)
    if venue_id:
        message = DepthUpdateTLV(last, last, record.received, venue_id, DepthKind.SNAPSHOT, bids, asks)
        depth = Depth(record.reading, record.line, last, last, None, message)
        yield from books.take(f"{record.exchange}:{record.symbol}", depth)


def _frame(record: Received, markets: Markets, books: Books) -> Iterator[TLV]:
    body = record.body
    data = body.get("data", body) if isinstance(body, dict) else body
    stream = body.get("stream", "") if isinstance(body, dict) else ""
    event = data.get("e", "") if isinstance(data, dict) else ""
    if event == "depthUpdate":
        yield from _depth_update(record, data, markets, books)
    elif event == "aggTrade":
        yield from _trade(record, data, markets, books)
    elif event == "bookTicker" or str(stream).endswith("@bookTicker"):
        yield from _quote(record, data, markets)
    elif isinstance(data, dict):
        record.reading.ignore(event if isinstance(event, str) and event else "other frames")
    else:
        raise _FieldError("data", data, "an object")


def _venue_id(record: Received, data: Any, markets: Markets) -> tuple[int, str]:
    symbol = _field(data, "s")
    try:
        symbol = market_name(symbol if isinstance(symbol, str) else "")
    except ValueError as error:
        raise _FieldError("s", _field(data, "s"), str(error)) from None
    exchange = record.exchange or "binance"
    return markets.venue_id(record.reading, exchange, symbol), f"{exchange}:{symbol}"


def _depth_update(record: Received, data: Any, markets: Markets, books: Books) -> Iterator[TLV]:
    first, last = _whole(data, "U"), _whole(data, "u")
    if first > last:
        raise _FieldError("U", first, f"not above u, which is {last}")
    previous = _whole(data, "pu") if "pu" in data else None
    timestamp = _time(data, "E")
    bids, asks = _levels(data, "b"), _levels(data, "a")
    venue_id, market = _venue_id(record, data, markets)
    if venue_id:
        message = DepthUpdateTLV(first, last, timestamp, venue_id, DepthKind.UPDATE, bids, asks)
        yield from books.take(market, Depth(record.reading, record.line, first, last, previous, message))


def _trade(record: Received, data: Any, markets: Markets, books: Books) -> Iterator[TLV]:
    price, quantity = _number(data, "p", positive), _number(data, "q", positive)
    timestamp = _time(data, "T")
    buyer_maker = _field(data, "m")
    if not isinstance(buyer_maker, bool):
        raise _FieldError("m", buyer_maker, "true or false")
    trade_id = _whole(data, "a") if "a" in data else None
    venue_id, market = _venue_id(record, data, markets)
    if venue_id:
        if trade_id is not None:
            books.trades.take(market, trade_id, record.reading, record.line)
        record.reading.messages += 1
        yield TradeTLV(price, -quantity if buyer_maker else quantity, timestamp, venue_id)


def _quote(record: Received, data: Any, markets: Markets) -> Iterator[TLV]:
    bid, bid_size = _number(data, "b", not_negative), _number(data, "B", not_negative)
    ask, ask_size = _number(data, "a", not_negative), _number(data, "A", not_negative)
    if bid and ask and ask < bid:
        raise _FieldError("a", _field(data, "a"), f"not below the bid, which is {_field(data, 'b')}")
    # Spot does not tell when; the receive time is the best there is.
    timestamp = _time(data, "E") if "E" in data else record.received
    venue_id, _ = _venue_id(record, data, markets)
    if venue_id:
        record.reading.messages += 1
        yield QuoteTLV(bid, bid_size, ask, ask_size, timestamp, venue_id)
