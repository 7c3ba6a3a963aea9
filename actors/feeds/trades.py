"""Trades from CSV files: Binance and Tardis."""

from __future__ import annotations

from collections.abc import Iterator

from tlv.market_data import TradeTLV

from .csv_rows import boolean, csv_rows, market_name, one_of, positive
from .formats import TARDIS_TRADES
from .markets import Markets
from .reading import Reading
from .timestamps import micros_ns, text_ns

__all__ = ["read_trades"]


def read_trades(reading: Reading, markets: Markets, symbol: str = "") -> Iterator[TradeTLV]:
    """The trades of one file; ``symbol`` names the market where the file has no column for it."""
    if reading.file.sniffed.format is TARDIS_TRADES:
        return _tardis(reading, markets)
    return _binance(reading, markets, symbol)


def _binance(reading: Reading, markets: Markets, symbol: str) -> Iterator[TradeTLV]:
    columns = {"timestamp": text_ns, "price": positive, "quantity": positive, "buyer_maker": boolean}
    venue_id = -1
    for _, (timestamp, price, quantity, buyer_maker) in csv_rows(reading, columns):
        if venue_id <= 0:
            venue_id = markets.venue_id(reading, "binance", symbol or markets.symbol_of_file(reading, "binance"))
            if venue_id == 0:
                continue
        # Where the buyer was there first, the seller came and took.
        yield TradeTLV(price, -quantity if buyer_maker else quantity, timestamp, venue_id)


def _tardis(reading: Reading, markets: Markets) -> Iterator[TradeTLV]:
    columns = {
        "exchange": market_name,
        "symbol": market_name,
        "timestamp": micros_ns,
        "side": one_of("buy", "sell", "unknown"),
        "price": positive,
        "amount": positive,
    }
    for _, (exchange, symbol, timestamp, side, price, amount) in csv_rows(reading, columns):
        venue_id = markets.venue_id(reading, exchange, symbol)
        if venue_id:
            yield TradeTLV(price, -amount if side == "sell" else amount, timestamp, venue_id)
