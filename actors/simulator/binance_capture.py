"""A capture of Binance streams that nobody recorded: simulated markets, in the words in which Binance tells of real ones.

It has the form of cryptofeed's captures, which `actors.feeds.binance_capture` reads: a line for the connection, then a
receive time and a frame a line; and the answers with the snapshots of all books, for a file of their own.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tlv.market_data import DepthUpdateTLV, OrderLevel, QuoteTLV, TradeTLV

from .hidden_walk import BEAT_NS, START_NS, HiddenWalk, in_units
from .market import SimulatedMarket

__all__ = ["PRICES", "simulated_capture"]

#: The markets of the recorded capture, and about what they cost then.
PRICES: Mapping[str, Decimal] = {
    "NKNUSDT": Decimal("0.3521"),
    "BLZETH": Decimal("0.00006550"),
    "LRCBTC": Decimal("0.00000637"),
    "RUNEEUR": Decimal("6.251"),
}

_STREAMS = ("depth@100ms", "bookTicker", "aggTrade")
_EVENTS_PER_BEAT = 2


def simulated_capture(frames: int, *, seed: int = 1) -> tuple[list[str], list[str]]:
    """The lines of both files: that of ``frames`` frames after the connection's, and that of the snapshots."""
    markets = {
        symbol: SimulatedMarket(number, in_units(price), random.Random(f"{symbol}/{seed}"))
        for number, (symbol, price) in enumerate(PRICES.items(), 1)
    }
    answers = [
        f"https://api.binance.com/api/v3/depth?symbol={symbol}&limit=1000 -> {_seconds(START_NS)}: "
        + _text(_snapshot(market.snapshot(START_NS)))
        for symbol, market in markets.items()
    ]
    named = "/".join(f"{symbol.lower()}@{stream}" for stream in _STREAMS for symbol in PRICES)
    lines = [f"wss://stream.binance.com:9443/stream?streams={named} <-> {_seconds(START_NS)}"]
    told = _frames(markets, seed)
    while len(lines) <= frames:
        moment, frame = next(told)
        lines.append(f"{_seconds(moment)}: {_text(frame)}")
    return lines, answers


def _frames(markets: Mapping[str, SimulatedMarket], seed: int) -> Iterator[tuple[int, dict[str, Any]]]:
    walks = {symbol: HiddenWalk(seed, symbol, in_units(price)) for symbol, price in PRICES.items()}
    moment, trades = START_NS, Counter[str]()
    while True:
        for symbol, market in markets.items():
            market.follow(walks[symbol].step())
            for _ in range(_EVENTS_PER_BEAT):
                moment += BEAT_NS // 16
                event = market.event(moment)
                if isinstance(event, QuoteTLV):
                    yield moment, _frame(symbol, "bookTicker", _quote(symbol, event))
                else:
                    trades[symbol] += 1
                    yield moment, _frame(symbol, "aggTrade", _trade(symbol, event, trades[symbol]))
            moment += BEAT_NS // 16
            update = market.depth_update(moment)
            if update is not None:
                yield moment, _frame(symbol, "depth@100ms", _update(symbol, update))


def _frame(symbol: str, channel: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"stream": f"{symbol.lower()}@{channel}", "data": data}


def _quote(symbol: str, quote: QuoteTLV) -> dict[str, Any]:
    return {
        "u": quote.timestamp // 1_000_000,
        "s": symbol,
        "b": _decimal(quote.bid_price),
        "B": _decimal(quote.bid_size),
        "a": _decimal(quote.ask_price),
        "A": _decimal(quote.ask_size),
    }


def _trade(symbol: str, trade: TradeTLV, number: int) -> dict[str, Any]:
    moment = trade.timestamp // 1_000_000
    return {
        "e": "aggTrade",
        "E": moment,
        "s": symbol,
        "a": number,
        "p": _decimal(trade.price),
        "q": _decimal(abs(trade.quantity)),
        "f": number,
        "l": number,
        "T": moment,
        "m": trade.quantity < 0,
        "M": True,
    }


def _update(symbol: str, update: DepthUpdateTLV) -> dict[str, Any]:
    return {
        "e": "depthUpdate",
        "E": update.timestamp // 1_000_000,
        "s": symbol,
        "U": update.first_update_id,
        "u": update.last_update_id,
        "b": _levels(update.bids),
        "a": _levels(update.asks),
    }


def _snapshot(book: DepthUpdateTLV) -> dict[str, Any]:
    return {"lastUpdateId": book.last_update_id, "bids": _levels(book.bids), "asks": _levels(book.asks)}


def _levels(levels: Any) -> list[list[str]]:
    made: list[OrderLevel] = list(levels)
    return [[_decimal(level.price), _decimal(level.size)] for level in made]


def _decimal(value: int) -> str:
    return f"{value // 10**8}.{value % 10**8:08d}"


def _seconds(moment_ns: int) -> str:
    return f"{moment_ns // 10**9}.{moment_ns % 10**9 // 1000:06d}"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
