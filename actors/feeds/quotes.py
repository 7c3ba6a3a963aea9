"""Best bids and asks from CSV files: Binance, Tardis and TrueFX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tlv.market_data import QuoteTLV

from .csv_rows import csv_rows, market_name, not_negative, positive
from .formats import BINANCE_QUOTES, TARDIS_QUOTES
from .markets import Markets
from .reading import Reading
from .timestamps import micros_ns, text_ns

__all__ = ["read_quotes"]


def read_quotes(reading: Reading, markets: Markets, symbol: str = "") -> Iterator[QuoteTLV]:
    """The quotes of one file; ``symbol`` names the market where the file has no column for it."""
    known = reading.file.sniffed.format
    rows = _tardis(reading) if known is TARDIS_QUOTES else _binance(reading) if known is BINANCE_QUOTES else None
    for line, exchange, name, values in rows or _truefx(reading, markets, symbol):
        bid, bid_size, ask, ask_size, timestamp = values
        if bid and ask and ask < bid:
            reading.refuse(
                reading.malformed(line, "ask", _decimal(ask), f"not below the bid, which is {_decimal(bid)}")
            )
            continue
        venue_id = markets.venue_id(reading, exchange, name)
        if venue_id:
            yield QuoteTLV(bid, bid_size, ask, ask_size, timestamp, venue_id)


_Row = tuple[int, str, str, tuple[int, int, int, int, int]]


def _binance(reading: Reading) -> Iterator[_Row]:
    columns: dict[str, Any] = {
        "timestamp": text_ns,
        "symbol": market_name,
        "ask_size": not_negative,
        "ask": positive,
        "bid_size": not_negative,
        "bid": positive,
    }
    for line, (timestamp, symbol, ask_size, ask, bid_size, bid) in csv_rows(reading, columns):
        yield line, "binance", symbol, (bid, bid_size, ask, ask_size, timestamp)


def _tardis(reading: Reading) -> Iterator[_Row]:
    columns: dict[str, Any] = {
        "exchange": market_name,
        "symbol": market_name,
        "timestamp": micros_ns,
        "ask_amount": _side,
        "ask_price": _side,
        "bid_price": _side,
        "bid_amount": _side,
    }
    for line, (exchange, symbol, timestamp, ask_size, ask, bid, bid_size) in csv_rows(reading, columns):
        yield line, exchange, symbol, (bid, bid_size, ask, ask_size, timestamp)


def _side(value: str) -> int:
    """Tardis leaves a side without orders empty."""
    return not_negative(value) if value else 0


def _truefx(reading: Reading, markets: Markets, symbol: str) -> Iterator[_Row]:
    columns: dict[str, Any] = {"timestamp": text_ns, "bid": positive, "ask": positive}
    for line, (timestamp, bid, ask) in csv_rows(reading, columns):
        symbol = symbol or markets.symbol_of_file(reading, "truefx")
        yield line, "truefx", symbol, (bid, 0, ask, 0, timestamp)


def _decimal(value: int) -> str:
    return f"{value // 10**8}.{value % 10**8:08d}"
