"""A websocket server that replays a capture of Binance streams, so that a feed can be tried without a network.

Run it: ``python -m examples.replay_server`` in the folder of the repository, then
``mycelium run configs/websocket_feed.toml`` in another terminal.

It begins when somebody has subscribed, waits while nobody listens, and ends with the capture. By HTTP, at
``/api/v3/depth?symbol=...``, it answers with the book as it is after the frames that it has sent, as the exchange does; the
first time, so that a fast replay does not overtake its own snapshots, as it was when the last listener came.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from actors.errors import FeedError
from actors.pacing import PAUSE_MAX_S, speed_factor
from actors.simulator.binance_capture import simulated_capture

__all__ = ["ReplayServer", "load_capture"]

_BOOKS = Path(__file__).resolve().parents[2] / "shared" / "data" / "books"
CAPTURE = _BOOKS / "cryptofeed_binance_spot_2021-10-12.ws.raw"
SNAPSHOTS = _BOOKS / "cryptofeed_binance_spot_2021-10-12.http_snapshots.raw"
_FRAME = re.compile(r"([0-9]+(?:\.[0-9]+)?): (.*)")
_NORMAL, _GOING_AWAY = 1000, 1001


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: when it was received, its text, and what that says; a frame that is no JSON is of no stream."""

    received: float
    text: str
    stream: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def load_capture(lines: Iterable[str], answers: Iterable[str]) -> tuple[list[Frame], dict[str, dict[str, Any]]]:
    """The frames of a capture, and the recorded snapshot of each market."""
    frames = [_frame(float(found[1]), found[2]) for found in map(_FRAME.match, lines) if found is not None]
    snapshots = {}
    for answer in answers:
        address, found, rest = answer.partition(" -> ")
        if found:
            symbol = parse_qs(urlsplit(address).query).get("symbol", [""])[0]
            snapshots[symbol] = json.loads(rest.partition(": ")[2])
    return frames, snapshots


def _frame(received: float, text: str) -> Frame:
    try:
        body = json.loads(text)
        return Frame(received, text, str(body["stream"]), body["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Frame(received, text)


class ReplayServer:
    """One run through a capture, for everybody who listens; ``position`` is the number of the next frame.

    Who has subscribed to a stream gets its frames; frames of no stream go to everybody. ``sent`` counts the
    frames that were handed to a connection, ``refused`` the requests that were no subscription to its streams.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        snapshots: dict[str, dict[str, Any]],
        *,
        speed: float = inf,
        position: int = 0,
    ) -> None:
        self.frames = frames
        self.snapshots = snapshots
        self.speed = speed
        self.position = position
        self.sent = 0
        self.refused = 0
        self.port = 0
        self._listening: dict[ServerConnection, set[str]] = {}
        self._somebody = asyncio.Event()
        self._joined = position
        #: The markets whose book somebody has asked for since then.
        self._asked: set[str] = set()
        self._server: Server | None = None

    @property
    def listening(self) -> int:
        """How many have subscribed."""
        return len(self._listening)

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to listen; ``port`` 0 is one that is free, which `port` then tells."""
        self._server = await serve(self._serve, host, port, process_request=self._answer, compression=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def play(self, until: int | None = None) -> None:
        """Send the frames up to number ``until``, or to the end, in the time of the capture divided by the speed."""
        due, before = monotonic(), None
        end = len(self.frames) if until is None else min(until, len(self.frames))
        while self.position < end:
            if not self._listening:
                self._somebody.clear()
                await self._somebody.wait()
                due, before = monotonic(), None
            frame = self.frames[self.position]
            if before is not None and self.speed != inf:
                due += min(max(frame.received - before, 0.0), PAUSE_MAX_S) / self.speed
                await asyncio.sleep(due - monotonic())
            before = frame.received
            if await self._send(frame):
                self.position += 1

    async def close(self, *, over: bool) -> None:
        """Close all connections, after all that was sent: with 1000 where the capture is over, else as going away."""
        assert self._server is not None
        code, reason = (_NORMAL, "the capture is over") if over else (_GOING_AWAY, "the server stops")
        for connection in tuple(self._server.connections):
            await connection.close(code, reason)
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break all connections, as a cable that is pulled out does: what is on its way is lost."""
        for connection in tuple(self._listening):
            connection.transport.abort()

    def book(self, symbol: str, position: int | None = None) -> dict[str, Any] | None:
        """The book of a market after what was sent, or before frame ``position``: its snapshot and later updates."""
        snapshot = self.snapshots.get(symbol)
        if snapshot is None:
            return None
        last = snapshot["lastUpdateId"]
        sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        for frame in self.frames[: self.position if position is None else position]:
            data = frame.data
            if data.get("s") == symbol and data.get("e") == "depthUpdate" and data["u"] > last:
                last = data["u"]
                for name, side in sides.items():
                    side.update(data[name])
        levels = {name: [[price, size] for price, size in side.items() if float(size)] for name, side in sides.items()}
        return {"lastUpdateId": last, "bids": levels["b"], "asks": levels["a"]}

    async def _send(self, frame: Frame) -> bool:
        """Send to all who want it; False where somebody who was to have it has gone, and nobody else is here."""
        for connection, streams in tuple(self._listening.items()):
            if not frame.stream or frame.stream in streams:
                try:
                    await connection.send(frame.text)
                except ConnectionClosed:
                    self._listening.pop(connection, None)
                else:
                    self.sent += 1
        return bool(self._listening)

    async def _serve(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in connection:
                answer = self._subscribe(connection, text)
                await connection.send(json.dumps(answer))
                self.refused += "error" in answer
                if connection in self._listening:
                    self._somebody.set()
        self._listening.pop(connection, None)

    def _subscribe(self, connection: ServerConnection, text: str | bytes) -> dict[str, Any]:
        known = {frame.stream for frame in self.frames}
        try:
            asked = json.loads(text)
            number, method, streams = asked["id"], asked["method"], set(asked["params"])
        except (ValueError, KeyError, TypeError) as error:
            return {"error": {"code": 3, "msg": f"Invalid JSON: {error}"}, "id": None}
        if method != "SUBSCRIBE":
            return {"error": {"code": 2, "msg": f"Invalid request: unknown method {method}"}, "id": number}
        if not streams & known:
            return {"error": {"code": 2, "msg": "Invalid request: the capture has none of these streams"}, "id": number}
        self._listening.setdefault(connection, set()).update(streams)
        self._joined = self.position
        self._asked.clear()
        return {"result": None, "id": number}

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        asked = urlsplit(request.path)
        if asked.path == "/stream":
            return None
        symbol = parse_qs(asked.query).get("symbol", [""])[0] if asked.path == "/api/v3/depth" else ""
        book = self.book(symbol, None if symbol in self._asked else self._joined)
        self._asked.add(symbol)
        if book is None:
            return connection.respond(
                HTTPStatus.NOT_FOUND, "there is /stream, and /api/v3/depth?symbol=... of its markets\n"
            )
        return connection.respond(HTTPStatus.OK, json.dumps(book))


@click.command()
@click.option(
    "--capture", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File of frames to replay."
)
@click.option(
    "--snapshots", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File of its snapshots."
)
@click.option("--simulated", type=click.IntRange(1), metavar="FRAMES", help="Replay so many frames of a simulation.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="Port; 0 is a free one.")
@click.option("--speed", default="1x", show_default=True, help="'max', or a factor of the time of the capture: '10x'.")
def main(capture: Path | None, snapshots: Path | None, simulated: int | None, host: str, port: int, speed: str) -> None:
    """Replay a capture of Binance streams over a websocket, from the first subscriber on.

    Without a file it is the capture of ../shared/data or, where that is not, a simulated one.
    """
    try:
        factor = speed_factor(speed)
    except FeedError as error:
        raise click.BadParameter(str(error), param_hint="--speed") from error
    if capture is None and simulated is None and CAPTURE.exists():
        capture, snapshots = CAPTURE, snapshots or SNAPSHOTS
    try:
        if capture is None:
            named = f"a simulation of {simulated or 5_000:,} frames"
            frames, books = load_capture(*simulated_capture(simulated or 5_000))
        else:
            named = capture.name
            lines = capture.read_text(encoding="utf-8").splitlines()
            answers = [] if snapshots is None else snapshots.read_text(encoding="utf-8").splitlines()
            frames, books = load_capture(lines, answers)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"the capture cannot be read: {error}") from error
    if not any(frame.stream for frame in frames):
        raise click.ClickException(f"{named} holds no frame of a stream")
    try:
        asyncio.run(_run(ReplayServer(frames, books, speed=factor), named, host, port))
    except OSError as error:
        raise click.ClickException(f"cannot listen at {host}:{port}: {error.strerror or error}") from error


async def _run(server: ReplayServer, named: str, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.open(host, port)
    print(f"{named}: {len(server.frames):,} frames at ws://{host}:{server.port}/stream; Ctrl-C stops", flush=True)
    playing = asyncio.create_task(server.play())
    stopping = asyncio.create_task(stop.wait())
    while not playing.done() and not stopping.done():
        await asyncio.wait({playing, stopping}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        if sys.stderr.isatty():
            click.echo(
                f"\r{server.position:,} of {len(server.frames):,} frames, {server.listening} listening ",
                err=True,
                nl=False,
            )
    over = playing.done()
    for task in (playing, stopping):
        task.cancel()
    if sys.stderr.isatty():
        click.echo(err=True)
    await server.close(over=over)
    print(f"{'the capture is over' if over else 'stopped'}: {server.sent:,} frames sent")
    if over:
        await playing  # what it raised, if it did


if __name__ == "__main__":
    main()
