"""A replay server in a thread of its own, and a feed that listens to it, in a node."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from actors.feeds.websocket_feed import WebsocketFeed
from actors.services.order_book import OrderBook, Outcome
from actors.simulator.binance_capture import PRICES, simulated_capture
from examples.replay_server import Frame, ReplayServer, load_capture
from mycelium import Actor, ActorSpec, Node, Topology, handles
from tlv.market_data import DepthKind, DepthUpdateTLV, QuoteTLV, TradeTLV

DEADLINE = 60.0
T = TypeVar("T")


class Served:
    """A loop in a thread, for servers of a test."""

    def __init__(self) -> None:
        began = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(began)), name="test-server")
        self.thread.start()
        assert began.wait(DEADLINE)

    async def _run(self, began: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        began.set()
        await self.over.wait()

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin to run it there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def server(
        self, frames: list[Frame], snapshots: dict[str, dict[str, Any]], *, position: int = 0, port: int = 0
    ) -> ReplayServer:
        """One that listens."""

        async def opened() -> ReplayServer:
            server = ReplayServer(frames, snapshots, position=position)
            await server.open(port=port)
            return server

        return self.do(opened())

    def call(self, what: Any) -> None:
        """Call it there."""

        async def called() -> None:
            what()

        self.do(called())


@contextmanager
def serving() -> Iterator[Served]:
    """Until the end of the block."""
    served = Served()
    try:
        yield served
    finally:
        served.loop.call_soon_threadsafe(served.over.set)
        served.thread.join(DEADLINE)
        assert not served.thread.is_alive()


class Collector(Actor, receives=(DepthUpdateTLV, QuoteTLV, TradeTLV)):
    """Keeps what it gets, and a book of each market, once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.books: dict[int, OrderBook] = {}
        self.let = threading.Event()
        self.let.set()
        self.first = threading.Event()

    @handles
    def on_any(self, message: DepthUpdateTLV | QuoteTLV | TradeTLV) -> None:
        self.first.set()
        assert self.let.wait(DEADLINE)
        self.seen.append(message)
        if isinstance(message, DepthUpdateTLV):
            book = self.books.setdefault(message.venue_id, OrderBook())
            if message.kind == DepthKind.SNAPSHOT:
                book.apply_snapshot(message.last_update_id, message.bids, message.asks)
            else:
                ids = message.first_update_id, message.last_update_id
                assert book.apply_update(*ids, message.bids, message.asks) is not Outcome.GAP


def node_for(server: ReplayServer, **config: Any) -> Node:
    """A feed for that server, with short pauses, and a collector; runs when it is entered."""
    given = {
        "url": f"ws://127.0.0.1:{server.port}/stream",
        "symbols": list(PRICES),
        "stop_on_close": True,
        "reconnect_s": 0.01,
        "reconnect_max_s": 0.05,
        "snapshot_every_s": 0.01,
        **config,
    }
    venues = [
        {"id": number, "name": f"binance:{symbol}", "exchange": "binance", "symbol": symbol}
        for number, symbol in enumerate(PRICES, 1)
    ]
    actors: dict[str, ActorSpec | type[Actor]] = {
        "feed": ActorSpec(actor_class=WebsocketFeed, config=given),
        "collector": Collector,
    }
    return Node(Topology(name="replayed", actors=actors, venues=venues))


def feed_of(node: Node) -> WebsocketFeed:
    """The feed of that node."""
    feed = node._actors["feed"]
    assert isinstance(feed, WebsocketFeed)
    return feed


def collector_of(node: Node) -> Collector:
    """The collector of that node."""
    collector = node._actors["collector"]
    assert isinstance(collector, Collector)
    return collector


def simulated(frames: int) -> tuple[list[Frame], dict[str, dict[str, Any]]]:
    """A capture that nobody recorded, as the server takes it."""
    return load_capture(*simulated_capture(frames))


def book_of(symbol: str, collector: Collector) -> tuple[int | None, dict[str, str], dict[str, str]]:
    """The book that the collector has of a market, in the words of the server."""
    book = collector.books[1 + list(PRICES).index(symbol)]
    sides = ({_text(level.price): _text(level.size) for level in side} for side in book.top(10_000))
    return book.last_update_id, *sides  # type: ignore[return-value]


def book_at(server: ReplayServer, symbol: str) -> tuple[int | None, dict[str, str], dict[str, str]]:
    """The book of a market as the server has it."""
    book = server.book(symbol)
    assert book is not None
    return book["lastUpdateId"], dict(book["bids"]), dict(book["asks"])


def _text(value: int) -> str:
    return f"{value // 10**8}.{value % 10**8:08d}"
