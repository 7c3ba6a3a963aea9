"""The books of one feed: each market's place in its stream, and its gaps as declared errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from actors.errors import BridgeMissingError, FeedError, SequenceGapError, SnapshotMissingError, UpdateOverflowError
from tlv.market_data import DepthKind, DepthUpdateTLV

from .book_sync import BookSync, Bridge, Gap, Overflow, Update
from .reading import Reading
from .trade_ids import TradeIds

__all__ = ["LEVELS_MAX", "BookStream", "Books", "Depth"]

LEVELS_MAX = 50_000
"""Levels in one message: more than any exchange sends, fewer than a group of a message can hold."""


@dataclass(frozen=True, slots=True)
class Depth:
    """A snapshot or an update as it was read, and where."""

    reading: Reading
    line: int
    first: int
    last: int
    previous: int | None
    message: DepthUpdateTLV


@dataclass
class BookStream:
    """One market."""

    market: str
    sync: BookSync[DepthUpdateTLV] = field(default_factory=BookSync)
    seen_in: Reading | None = None
    line: int = 0


@dataclass
class Books:
    """All markets of a feed that keep update ids, and the ids of their trades."""

    streams: dict[str, BookStream] = field(default_factory=dict)
    trades: TradeIds = field(default_factory=TradeIds)

    def take(self, market: str, depth: Depth) -> Iterator[DepthUpdateTLV]:
        """What of this snapshot or update, and of those that waited, is to be sent now."""
        stream = self.streams.get(market)
        if stream is None:
            stream = self.streams[market] = BookStream(market)
        stream.seen_in, stream.line = depth.reading, depth.line
        sync = stream.sync
        before = sync.repeated, sync.covered, sync.spare_snapshots
        if depth.message.kind == DepthKind.SNAPSHOT:
            results = sync.snapshot(depth.last, depth.message)
        else:
            results = sync.update(Update(depth.first, depth.last, depth.previous, _joined(depth)))
        for result in results:
            if isinstance(result, DepthUpdateTLV):
                depth.reading.messages += 1
                yield result
            else:
                depth.reading.note(_declared(stream, depth, result))
        depth.reading.ignored += _differences(sync, before)

    def restart(self, markets: Iterable[str]) -> None:
        """The streams of these markets were opened anew."""
        opened = tuple(markets)
        self.trades.restart(opened)
        for market in opened:
            if market in self.streams:
                self.streams[market].sync.restart()

    def needs_snapshot(self, market: str) -> bool:
        """Whether updates of this market wait for a snapshot of its book."""
        stream = self.streams.get(market)
        return stream is not None and stream.sync.needs_snapshot

    def finish(self) -> None:
        """Tell of the markets whose updates never met a snapshot."""
        for stream in self.streams.values():
            if stream.sync.waiting and stream.seen_in is not None:
                if stream.sync.last is None or stream.sync.missed_while_closed:
                    error = SnapshotMissingError(path=stream.seen_in.path, line=stream.line, market=stream.market)
                    stream.seen_in.note(error)
                stream.seen_in.ignored["updates without a snapshot to join"] += stream.sync.waiting

    @property
    def synchronised(self) -> int:
        return sum(stream.sync.ever_bridged for stream in self.streams.values())

    @property
    def gaps(self) -> int:
        return sum(stream.sync.gaps for stream in self.streams.values())

    @property
    def unmet_snapshots(self) -> int:
        return sum(stream.sync.unmet_snapshots for stream in self.streams.values())


def _joined(depth: Depth) -> DepthUpdateTLV:
    """The message, whose ids go on where the update before it ended.

    The ids of futures are shared by all markets: between ``pu`` and ``U`` lies nothing of this market,
    so its message is said to contain them, and whoever gets it sees an unbroken row.
    """
    if depth.previous is None or depth.first <= depth.previous + 1:
        return depth.message
    return depth.message.replace(first_update_id=depth.previous + 1)


def _differences(sync: BookSync[DepthUpdateTLV], before: tuple[int, int, int]) -> Counter[str]:
    names = ("repeated updates", "updates that the snapshot holds", "snapshots that were not needed")
    after = sync.repeated, sync.covered, sync.spare_snapshots
    return Counter({name: now - then for name, now, then in zip(names, after, before, strict=True) if now != then})


def _declared(stream: BookStream, depth: Depth, result: Gap | Bridge | Overflow) -> FeedError:
    path, line, market = depth.reading.path, depth.line, stream.market
    match result:
        case Gap(expected, got):
            return SequenceGapError(path=path, line=line, market=market, expected=expected, got=got)
        case Bridge(snapshot, got):
            return BridgeMissingError(path=path, line=line, market=market, snapshot=snapshot, got=got)
        case Overflow(limit):
            return UpdateOverflowError(path=path, line=line, market=market, limit=limit)
