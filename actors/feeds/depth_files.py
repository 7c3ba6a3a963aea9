"""Books from CSV files: Binance futures depth (T_DEPTH), Tardis snapshots and Tardis updates."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.errors import SnapshotMissingError
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderLevel

from .book_stream import LEVELS_MAX, Books, Depth
from .csv_rows import boolean, csv_rows, market_name, not_negative, one_of, positive, update_id
from .lines import read_lines
from .markets import Markets
from .reading import Reading
from .timestamps import micros_ns, millis_ns

__all__ = ["read_binance_depth", "read_tardis_snapshots", "read_tardis_updates"]


@dataclass(slots=True)
class _Group:
    """Rows of a file that belong to one message."""

    key: tuple[Any, ...]
    line: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    repeated: int = 0

    def add(self, *, is_bid: bool, price: int, size: int) -> None:
        side = self.bids if is_bid else self.asks
        if side.get(price) == size:
            self.repeated += 1
        side[price] = size

    @property
    def full(self) -> bool:
        return len(self.bids) + len(self.asks) >= LEVELS_MAX

    def levels(self) -> tuple[list[OrderLevel], list[OrderLevel]]:
        return _levels(self.bids), _levels(self.asks)


def _levels(side: dict[int, int]) -> list[OrderLevel]:
    return [OrderLevel(price, size) for price, size in side.items()]


def read_binance_depth(readings: Iterable[Reading], markets: Markets, books: Books) -> Iterator[DepthUpdateTLV]:
    """Snapshots and updates of futures books, all files together in the order of time."""
    for _, _, depth, market in heapq.merge(*(_depths(reading, markets) for reading in readings), key=_time_and_kind):
        yield from books.take(market, depth)


_Timed = tuple[int, int, Depth, str]


def _time_and_kind(timed: _Timed) -> tuple[int, int]:
    return timed[:2]


def _depths(reading: Reading, markets: Markets) -> Iterator[_Timed]:
    columns: dict[str, Callable[[str], Any]] = {
        "symbol": market_name,
        "timestamp": millis_ns,
        "first_update_id": update_id,
        "last_update_id": update_id,
        "update_type": one_of("snap", "set"),
        "pu": lambda value: None if value == "-1" else update_id(value),
        "side": one_of("a", "b"),
        "price": positive,
        "qty": not_negative,
    }
    for group in _groups(reading, csv_rows(reading, columns), "b"):
        symbol, timestamp, first, last, update_type, previous = group.key
        if first > last:
            rule = f"not above last_update_id, which is {last}"
            reading.refuse(reading.malformed(group.line, "first_update_id", str(first), rule))
            continue
        venue_id = markets.venue_id(reading, "binance-futures", symbol)
        if venue_id:
            is_snapshot = update_type == "snap"
            kind = DepthKind.SNAPSHOT if is_snapshot else DepthKind.UPDATE
            bids, asks = group.levels()
            message = DepthUpdateTLV(first, last, timestamp, venue_id, kind, bids, asks)
            depth = Depth(reading, group.line, first, last, previous, message)
            yield timestamp, 0 if is_snapshot else 1, depth, f"binance-futures:{symbol}"


def _groups(
    reading: Reading, rows: Iterator[tuple[int, list[Any]]], bid: str, *, divisible: bool = False
) -> Iterator[_Group]:
    """Runs of rows that agree in all but their last three columns: side, price and size.

    A run of more than `LEVELS_MAX` levels comes in parts if it is ``divisible``, else the rest is refused.
    """
    group: _Group | None = None
    for line, row in rows:
        key = tuple(row[:-3])
        if group is None or group.key != key or (divisible and group.full):
            if group is not None:
                yield _told(reading, group)
            group = _Group(key, line)
        side, price, size = row[-3:]
        if group.full:
            rule = f"at most {LEVELS_MAX} levels in one message, which began at line {group.line}"
            reading.refuse(reading.malformed(line, "the row", str(price), rule))
            continue
        group.add(is_bid=side == bid, price=price, size=size)
    if group is not None:
        yield _told(reading, group)


def _told(reading: Reading, group: _Group) -> _Group:
    if group.repeated:
        reading.ignored["repeated rows"] += group.repeated
    return group


def read_tardis_updates(reading: Reading, markets: Markets) -> Iterator[DepthUpdateTLV]:
    """Updates of any exchange by way of Tardis: each message of the exchange is a run of rows.

    A run of snapshot rows after other rows starts the book anew; updates before the first are left out.
    """
    columns: dict[str, Callable[[str], Any]] = {
        "exchange": market_name,
        "symbol": market_name,
        "timestamp": micros_ns,
        "local_timestamp": micros_ns,
        "is_snapshot": boolean,
        "side": one_of("ask", "bid"),
        "price": positive,
        "amount": not_negative,
    }
    was_snapshot: dict[tuple[str, str], bool] = {}
    for group in _groups(reading, csv_rows(reading, columns), "bid", divisible=True):
        exchange, symbol, timestamp, _, is_snapshot = group.key
        before = was_snapshot.get((exchange, symbol))
        if before is None and not is_snapshot:
            if not reading.ignored["updates without a snapshot to join"]:
                error = SnapshotMissingError(path=reading.path, line=group.line, market=f"{exchange}:{symbol}")
                reading.note(error)
            reading.ignore("updates without a snapshot to join")
            continue
        was_snapshot[exchange, symbol] = is_snapshot
        venue_id = markets.venue_id(reading, exchange, symbol)
        if venue_id:
            kind = DepthKind.SNAPSHOT if is_snapshot and not before else DepthKind.UPDATE
            bids, asks = group.levels()
            reading.messages += 1
            yield DepthUpdateTLV(0, 0, timestamp, venue_id, kind, bids, asks)


def read_tardis_snapshots(reading: Reading, markets: Markets) -> Iterator[DepthUpdateTLV]:
    """Books of any depth, one a row, best level first; a level that is not there is empty."""
    columns: dict[str, Callable[[str], Any]] = {"exchange": market_name, "symbol": market_name, "timestamp": micros_ns}
    depth = _depth_of_header(reading)
    for side in ("bids", "asks"):
        for i in range(depth):
            columns[f"{side}[{i}].price"] = _or_none(positive)
            columns[f"{side}[{i}].amount"] = _or_none(not_negative)
    for line, row in csv_rows(reading, columns):
        exchange, symbol, timestamp, *values = row
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if any((price is None) != (size is None) for price, size in pairs):
            reading.refuse(reading.malformed(line, "a level", "a price without an amount", "both, or neither"))
            continue
        venue_id = markets.venue_id(reading, exchange, symbol)
        if venue_id:
            bids = [OrderLevel(price, size) for price, size in pairs[:depth] if price is not None]
            asks = [OrderLevel(price, size) for price, size in pairs[depth:] if price is not None]
            reading.messages += 1
            yield DepthUpdateTLV(0, 0, timestamp, venue_id, DepthKind.SNAPSHOT, bids, asks)


def _depth_of_header(reading: Reading) -> int:
    _, header = next(read_lines(reading), (0, ""))
    return max((int(found) + 1 for found in re.findall(r"(?:asks|bids)\[([0-9]{1,4})\]\.price", header)), default=1)


def _or_none(parse: Callable[[str], int]) -> Callable[[str], int | None]:
    return lambda value: parse(value) if value else None
