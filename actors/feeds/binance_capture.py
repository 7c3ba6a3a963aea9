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
from collections.abc import Iterable, Iterator
from typing import Any

from tlv import TLV

from .binance_frames import Received, exchange_of, messages_of
from .book_stream import Books
from .csv_rows import market_name
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


def read_captures(readings: Iterable[Reading], markets: Markets, books: Books) -> Iterator[TLV]:
    """The messages of all captures together: depth, best prices and trades."""
    for record in heapq.merge(*map(_records, readings), key=_received):
        if record.opened:
            books.restart(record.opened)
            continue
        yield from messages_of(record, markets, books)


def capture_start(reading: Reading) -> int:
    """When the first line of a capture was received."""
    return next((record.received for record in _records(reading)), 0)


def _received(record: Received) -> int:
    return record.received


def _records(reading: Reading) -> Iterator[Received]:
    exchange = ""
    for number, line in read_lines(reading, size_max=JSON_LINE_MAX):
        if _NOT_DATA.match(line) is not None:
            reading.ignore("sent by the recorder")
            continue
        try:
            if (found := _CONNECTION.fullmatch(line)) is not None:
                exchange = exchange_of(found[1])
                reading.ignore("connections")
                opened = tuple(f"{exchange}:{symbol.upper()}" for symbol in _DEPTH_STREAM.findall(found[1]))
                record = Received(seconds_ns(found[2]), reading, number, exchange, "", None, opened)
                if not opened:
                    continue
            elif (found := _ANSWER.fullmatch(line)) is not None:
                symbol = _SYMBOL.search(found[1])
                if "/depth?" not in found[1] or symbol is None:
                    reading.ignore("other answers")
                    continue
                body = _json(found[3])
                name = market_name(symbol[1].upper())
                record = Received(seconds_ns(found[2]), reading, number, exchange_of(found[1]), name, body)
            elif (found := _FRAME.fullmatch(line)) is not None:
                body = _json(found[2])
                exchange = exchange or _exchange_of_frame(body)
                record = Received(seconds_ns(found[1]), reading, number, exchange, "", body)
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


def _exchange_of_frame(body: Any) -> str:
    """For a file that was cut before its connection line: only futures tell the previous update."""
    data = body.get("data", body) if isinstance(body, dict) else None
    return "binance-futures" if isinstance(data, dict) and "pu" in data else ""
