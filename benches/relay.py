"""A relay between two ends of a TCP connection that holds back what it passes on, or breaks the connection. ::

with Relay(target_port) as relay:
    call(relay.port)
    relay.hold()            # a partition: the connections stay, and nothing comes through
    relay.mend()
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Self

__all__ = ["Relay"]


class Relay:
    """Passes on what comes to `port` to another port of this host, from a thread of its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        #: Bytes that were passed on.
        self.passed = 0
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break all connections, and let nobody connect."""
        self._refuses = True
        self._loop.call_soon_threadsafe(self._drop)

    def hold(self) -> None:
        """Pass nothing on; connections stay, and nobody is told."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """Pass everything on again, also what was held."""
        self._refuses = False
        self._loop.call_soon_threadsafe(self._flowing.set)

    async def _open(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        self._drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._refuses:
            writer.transport.abort()
            return
        with suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers |= {writer, there[1]}
            try:
                await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
            finally:
                self._writers -= {writer, there[1]}
                there[1].transport.abort()
        writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            self.passed += len(data)
            await writer.drain()
        raise ConnectionResetError
