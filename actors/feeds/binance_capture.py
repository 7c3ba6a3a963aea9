"""Binance streams as cryptofeed recorded them: websocket frames and HTTP snapshots, one a line.

::

    wss://stream.binance.com:9443/stream?streams=... <-> 1633998511.159679        the connection
    1633998512.0633569: {"stream":"nknusdt@depth@100ms","data":{...}}             a frame
    https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000 -> 1633998512.320639: {...}

Frames and snapshots lie in separate files; they are read side by side in the order of receipt.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tlv import TLV
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderLevel, QuoteTLV, TradeTLV

from .book_stream import LEVELS_MAX, Books, Depth
from .csv_rows import UINT64_MAX, market_name, not_negative, positive
from .lines import JSON_LINE_MAX, read_lines
from .markets import Markets
from .reading import Reading
from .strict_json import parse_json_prefix
from .timestamps import seconds_ns

__all__ = ["capture_start", "read_captures"]

_FRAME = re.compile(r"([0-9]+(?:\.[0-9]+)?): (.*)", re.DOTALL)
_ANSWER = re.compile(r"(https?://\S+) -> ([0-9]+(?:\.[0-9]+)?): (.*)", re.DOTALL)
_CONNECTION = re.compile(r"(wss?://\S+) <-> ([0-9]+(?:\.[0-9]+)?)")
_DEPTH_STREAM = re.compile(r"[=/]([a-z0-9_]+)@depth")
_NOT_DATA = re.compile(r"configuration: |\S+ <- [0-9.]+: ")
_SYMBOL = re.compile(r"[?&]symbol=([^&\s]+)")
_HOSTS = (("fstream.", "binance-futures"), ("fapi.", "binance-futures"), ("dstream.", "binance-delivery"))
_MORE_HOSTS = (("dapi.", "binance-delivery"), ("binance.us", "binance-us"), ("trbinance", "binance-tr"))
_MILLISECOND = 1_000_000
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Record:
    received: int
    reading: Reading
    line: int
    exchange: str
    symbol: str  # of a snapshot; "" for a frame
    body: Any
    opened: tuple[str, ...] = ()  # markets whose stream begins here; then there is no body


def read_captures(readings: Iterable[Reading], markets: Markets, books: Books) -> Iterator[TLV]:
    """The messages of all captures together: depth, best prices and trades."""
    for record in heapq.merge(*map(_records, readings), key=_received):
        if record.opened:
            books.restart(record.opened)
            continue
        record.reading.rows += 1
        try:
            if record.symbol:
                yield from _snapshot(record, markets, books)
            else:
                yield from _frame(record, markets, books)
        except _FieldError as error:
            record.reading.refuse(record.reading.malformed(record.line, error.column, error.value, error.rule))


def capture_start(reading: Reading) -> int:
    """When the first line of a capture was received."""
    return next((record.received for record in _records(reading)), 0)


def _received(record: _Record) -> int:
    return record.received


def _records(reading: Reading) -> Iterator[_Record]:
    exchange = ""
    for number, line in read_lines(reading, size_max=JSON_LINE_MAX):
        if _NOT_DATA.match(line) is not None:
            reading.ignore("sent by the recorder")
            continue
        try:
            if (found := _CONNECTION.fullmatch(line)) is not None:
                exchange = _exchange(found[1])
                reading.ignore("connections")
                opened = tuple(f"{exchange}:{symbol.upper()}" for symbol in _DEPTH_STREAM.findall(found[1]))
                record = _Record(seconds_ns(found[2]), reading, number, exchange, "", None, opened)
                if not opened:
                    continue
            elif (found := _ANSWER.fullmatch(line)) is not None:
                symbol = _SYMBOL.search(found[1])
                if "/depth?" not in found[1] or symbol is None:
                    reading.ignore("other answers")
                    continue
                body = _json(found[3])
                name = market_name(symbol[1].upper())
                record = _Record(seconds_ns(found[2]), reading, number, _exchange(found[1]), name, body)
            elif (found := _FRAME.fullmatch(line)) is not None:
                body = _json(found[2])
                exchange = exchange or _exchange_of_frame(body)
                record = _Record(seconds_ns(found[1]), reading, number, exchange, "", body)
            else:
                raise ValueError("a receive time and JSON, or an address, a receive time and JSON")
        except ValueError as error:
            reading.refuse(reading.malformed(number, "the line", line, str(error)))
            continue
        yield record


def _json(text: str) -> Any:
    value, rest = parse_json_prefix(text)
    # Newer recordings write the headers of the answer behind it.
    if rest.strip() and not rest.startswith(" header: "):
        msg = "one JSON value a line"
        raise ValueError(msg)
    return value


def _exchange(address: str) -> str:
    return next((exchange for part, exchange in _HOSTS + _MORE_HOSTS if part in address), "binance")


def _exchange_of_frame(body: Any) -> str:
    """For a file that was cut before its connection line: only futures tell the previous update."""
    data = body.get("data", body) if isinstance(body, dict) else None
    return "binance-futures" if isinstance(data, dict) and "pu" in data else ""


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


def _snapshot(record: _Record, markets: Markets, books: Books) -> Iterator[TLV]:
    if not isinstance(record.body, dict) or "lastUpdateId" not in record.body:
        raise _FieldError("lastUpdateId", record.body, "a field of a snapshot")
    last = _whole(record.body, "lastUpdateId")
    bids, asks = _levels(record.body, "bids"), _levels(record.body, "asks")
    venue_id = markets.venue_id(record.reading, record.exchange, record.symbol)
    if venue_id:
        message = DepthUpdateTLV(last, last, record.received, venue_id, DepthKind.SNAPSHOT, bids, asks)
        depth = Depth(record.reading, record.line, last, last, None, message)
        yield from books.take(f"{record.exchange}:{record.symbol}", depth)


def _frame(record: _Record, markets: Markets, books: Books) -> Iterator[TLV]:
    body = record.body
    data = body.get("data", body) if isinstance(body, dict) else body
    stream = body.get("stream", "") if isinstance(body, dict) else ""
    event = data.get("e", "") if isinstance(data, dict) else ""
    if event == "depthUpdate":
        yield from _depth_update(record, data, markets, books)
    elif event == "aggTrade":
        yield from _trade(record, data, markets)
    elif event == "bookTicker" or str(stream).endswith("@bookTicker"):
        yield from _quote(record, data, markets)
    elif isinstance(data, dict):
        record.reading.ignore(event if isinstance(event, str) and event else "other frames")
    else:
        raise _FieldError("data", data, "an object")


def _venue_id(record: _Record, data: Any, markets: Markets) -> tuple[int, str]:
    symbol = _field(data, "s")
    try:
        symbol = market_name(symbol if isinstance(symbol, str) else "")
    except ValueError as error:
        raise _FieldError("s", _field(data, "s"), str(error)) from None
    exchange = record.exchange or "binance"
    return markets.venue_id(record.reading, exchange, symbol), f"{exchange}:{symbol}"


def _depth_update(record: _Record, data: Any, markets: Markets, books: Books) -> Iterator[TLV]:
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


def _trade(record: _Record, data: Any, markets: Markets) -> Iterator[TLV]:
    price, quantity = _number(data, "p", positive), _number(data, "q", positive)
    timestamp = _time(data, "T")
    buyer_maker = _field(data, "m")
    if not isinstance(buyer_maker, bool):
        raise _FieldError("m", buyer_maker, "true or false")
    venue_id, _ = _venue_id(record, data, markets)
    if venue_id:
        record.reading.messages += 1
        yield TradeTLV(price, -quantity if buyer_maker else quantity, timestamp, venue_id)


def _quote(record: _Record, data: Any, markets: Markets) -> Iterator[TLV]:
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
