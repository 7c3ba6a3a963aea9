"""The live feed: Binance streams over a websocket, as messages.

Run it against a replay of a capture, which needs no network::

    python -m examples.replay_server
    mycelium run configs/websocket_feed.toml

The websocket itself (the handshake, ping and pong, limits, reading no faster than frames are taken) is the library
`websockets`, of the extra ``feeds``, and is imported when the feed runs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from importlib.util import find_spec
from time import monotonic, time_ns
from typing import Any

from actors.errors import (
    ConnectFailedError,
    ConnectionLostError,
    FeedError,
    FrameTooLargeError,
    SnapshotUnavailableError,
    UnknownStreamError,
)
from configs.feeds import WebsocketFeedConfig
from mycelium import AsyncSource, Backoff
from mycelium.errors import ExtraMissingError
from tlv import TLV
from tlv.market_data import DepthUpdateTLV, QuoteTLV, TradeTLV

from .binance_frames import Received, exchange_of, messages_of
from .book_stream import Books
from .feed import left_out_text
from .http_json import get_json
from .markets import Markets
from .reading import Policy
from .stream_reading import StreamReading, parse_frame

__all__ = ["WebsocketFeed"]

#: What a server says that closes in order, and what one says (or we do) that was sent too much.
_NORMAL, _TOO_LARGE = 1000, 1009
#: Who has stopped taking frames need not wait until the server has seen it.
_CLOSE_TIMEOUT_S = 0.5


class WebsocketFeed(AsyncSource, emits=(DepthUpdateTLV, QuoteTLV, TradeTLV)):
    """Depth updates with their snapshots, best prices and trades of some markets, for as long as it runs.

    What breaks is counted by its error code in ``refused`` and is no failure: a lost connection is opened again, after
    a pause that grows; a book whose updates are missing asks for a snapshot; trades that are missing are told. While those downstream have no room it
    takes no frame, the library reads no further, and the server has to wait: nothing is lost.
    """

    def __init__(self, config: WebsocketFeedConfig) -> None:
        super().__init__()
        if find_spec("websockets") is None:
            raise ExtraMissingError(what=type(self).__name__, package="websockets", extra="feeds")
        self.config = config
        self.exchange = exchange_of(config.url)
        self.streams = {
            f"{symbol.lower()}@{channel}": symbol.upper() for symbol in config.symbols for channel in config.channels
        }
        self.refused: Counter[str] = Counter()
        self.markets = Markets(self.venues, config.unknown_venues, self.log)
        self.books = Books()
        policy = Policy(on_malformed=config.on_malformed, gaps=config.gaps)
        self.reading = StreamReading.of(config.url, policy, self.log, self.refused)
        self.connections = 0
        self.snapshots = 0
        self.progress.label = "frames"
        self.backoff = Backoff(config.reconnect_s, max_s=config.reconnect_max_s)
        self._not_before: dict[str, float] = {}

    async def produce(self) -> AsyncIterator[TLV]:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

        tries, chance = 0, random.Random()
        while True:
            before = self.progress.done
            try:
                async with connect(
                    self.config.url,
                    max_size=self.config.frame_bytes_max,
                    open_timeout=self.config.open_timeout_s,
                    close_timeout=_CLOSE_TIMEOUT_S,
                ) as socket:
                    self._opened()
                    await socket.send(self._subscription())
                    async for frame in socket:
                        async for message in self._messages(frame):
                            yield message
                if self.config.stop_on_close and socket.close_code == _NORMAL:
                    return
                error: FeedError = self._lost(before, f"closed by the server: {socket.close_reason or 'no reason'}")
            except ConnectionClosed as closed:
                if closed.sent is not None and closed.sent.code == _TOO_LARGE:
                    frames, size_max = self.progress.done - before, self.config.frame_bytes_max
                    error = FrameTooLargeError(url=self.config.url, frames=frames, size_max=size_max)
                else:
                    error = self._lost(before, str(closed))
            except (OSError, InvalidHandshake, WebSocketException) as refused:
                error = ConnectFailedError(url=self.config.url, reason=str(refused) or type(refused).__name__)
            tries = 1 if self.progress.done > before else tries + 1
            pause = self.backoff.delay_s(tries, chance)
            self.reading.broken(error, again_in_s=round(pause, 2))
            if await self.pause(pause):
                return

    def on_stop(self) -> None:
        """Tell of the markets that wait for a snapshot."""
        self.books.finish()

    def summary(self) -> str:
        """What came over how many connections, and what was left out, by error code."""
        books = self.books
        text = f"connections: {self.connections}, frames: {self.progress.done:,}, snapshots: {self.snapshots}"
        text += f", messages: {self.reading.messages:,}{left_out_text(self.reading)}"
        text += f"\n{books.synchronised} of {len(books.streams)} books synchronised, gaps: {books.gaps}"
        return f"{text}; trades missing: {books.trades.missing:,}" if books.trades.missing else text

    def _opened(self) -> None:
        self.connections += 1
        self._not_before.clear()
        self.books.restart(f"{self.exchange}:{symbol}" for symbol in self.streams.values())
        self.log.info("connected", url=self.config.url, streams=len(self.streams))

    def _subscription(self) -> str:
        import json

        return json.dumps({"method": "SUBSCRIBE", "params": list(self.streams), "id": self.connections})

    def _lost(self, before: int, reason: str) -> ConnectionLostError:
        return ConnectionLostError(url=self.config.url, frames=self.progress.done - before, reason=reason)

    async def _messages(self, frame: str | bytes) -> AsyncIterator[TLV]:
        """Those of one frame, and of the snapshot that it turns out to need."""
        reading = self.reading
        try:
            body = parse_frame(frame)
        except ValueError as error:
            self.progress.done += 1
            reading.refuse(reading.malformed(self.progress.done, "the frame", str(frame), str(error)))
            return
        if isinstance(body, dict) and "stream" not in body and ("id" in body or "error" in body):
            self._answered(body)
            return
        self.progress.done += 1
        number = self.progress.done
        stream = body.get("stream") if isinstance(body, dict) else None
        symbol = self.streams.get(stream) if isinstance(stream, str) else None
        if symbol is None:
            problem = "was not subscribed to"
            reading.refuse(UnknownStreamError(url=reading.path, frame=number, stream=repr(stream), problem=problem))
            return
        for message in messages_of(self._received(number, "", body), self.markets, self.books):
            yield message
        if self.books.needs_snapshot(f"{self.exchange}:{symbol}"):
            snapshot = await self._snapshot(symbol)
            if snapshot is not None:
                self.snapshots += 1
                for message in messages_of(self._received(number, symbol, snapshot), self.markets, self.books):
                    yield message

    def _received(self, number: int, symbol: str, body: Any) -> Received:
        return Received(time_ns(), self.reading, number, self.exchange, symbol, body)

    def _answered(self, body: dict[str, Any]) -> None:
        """The answer to the subscription, which is not data."""
        fault = body.get("error")
        if fault is None:
            return
        named = ", ".join(self.streams)
        error = UnknownStreamError(
            url=self.config.url, frame=self.progress.done, stream=named, problem=f"was refused: {fault}"
        )
        self.reading.refuse(error)

    async def _snapshot(self, symbol: str) -> Any:
        """The snapshot of a book, or None: it was asked for a moment ago, or cannot be had now."""
        from asyncio import to_thread

        now = monotonic()
        if now < self._not_before.get(symbol, 0.0):
            return None
        self._not_before[symbol] = now + self.config.snapshot_every_s
        address = self.config.snapshots or _snapshots_of(self.config.url)
        try:
            return await to_thread(get_json, f"{address}?symbol={symbol}&limit=1000", self.config.open_timeout_s)
        except ValueError as error:
            self.reading.note(SnapshotUnavailableError(url=address, market=symbol, reason=str(error)))
            return None


def _snapshots_of(url: str) -> str:
    """``ws://host:1/stream`` to ``http://host:1/api/v3/depth``."""
    scheme, _, rest = url.partition("://")
    return f"{'https' if scheme == 'wss' else 'http'}://{rest.partition('/')[0]}/api/v3/depth"
