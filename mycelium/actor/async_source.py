"""AsyncSource: a source that awaits what it makes its messages from, on the event loop."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from pykka._envelope import Envelope

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.attempted_log import try_to_log
from mycelium.dispatcher.coroutines import ASYNCIO
from mycelium.dispatcher.current import running
from mycelium.dispatcher.named import kind_of
from mycelium.errors.actor import NothingProducedError, PauseOutsideError, WiringError
from mycelium.errors.event_loop import CoroutineOutsideLoopError
from mycelium.mailbox.mail import Internal
from mycelium.texts import text_of
from tlv import TLV

if TYPE_CHECKING:
    import asyncio

    from mycelium.dispatcher.shared import Dispatcher

__all__ = ["AsyncSource"]


class Broken(Internal):
    """What an async source puts into its own mailbox when `produce` has raised."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        return "produce()"


class AsyncSource(Source, dispatcher=ASYNCIO):
    """A `Source` whose `produce` is an async generator: for feeds that wait for a socket.

    ::

        class Feed(AsyncSource, emits=Tick):
            async def produce(self) -> AsyncIterator[TLV]:
                async with connect(self.url) as socket:
                    async for text in socket:
                        yield tick_of(text)

    It runs on the event loop, beside its mailbox: while `produce` awaits, mail is handled. All of
    `Source` holds: chunks, the wait for those downstream, ``progress``, ``finished``, ``exhausted``;
    ``await self.pause(seconds)`` tells whether to return. A stop that comes while `produce` awaits
    something else cancels it there (``asyncio.CancelledError``); what its ``finally`` and ``async
    with`` do is done before `on_stop`.
    """

    runs_only_on: ClassVar[str] = ASYNCIO

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._producing: asyncio.Task[None] | None = None
        self._stopping: asyncio.Event | None = None
        self._room: asyncio.Event | None = None
        self._pausing = False

    @abstractmethod
    def produce(self) -> AsyncIterator[TLV]:
        """Yield the messages to emit, in order; it may await, and raise, as a handler may."""

    async def pause(self, seconds: float) -> bool:  # type: ignore[override]
        """Wait inside `produce`; True as soon as the source is to stop: then return from `produce`.

        Raises `PauseOutsideError` anywhere else.
        """
        return await self.wait_until(monotonic() + seconds)

    async def wait_until(self, moment: float) -> bool:  # type: ignore[override]
        """As `pause`, until ``time.monotonic()`` has reached ``moment``."""
        import asyncio

        if self._stopping is None or asyncio.current_task() is not self._producing:
            raise PauseOutsideError(actor=self.name)
        self._pausing = True
        try:
            async with asyncio.timeout(max(0.0, moment - monotonic())):
                await self._stopping.wait()
        except TimeoutError:
            return False
        finally:
            self._pausing = False
        self._cut_short = True
        return True

    def _find_dispatcher(self) -> Dispatcher | None:
        if running.simulation is not None:
            raise CoroutineOutsideLoopError(actor=self.name, method="produce", dispatcher=running.simulation.name)
        if kind_of(self._context.dispatcher or self.dispatcher) not in (ASYNCIO, None):
            reason = f'a source that awaits must run on "{ASYNCIO}", or on an event loop of another name'
            raise WiringError(actor=self.name, reason=reason)
        return Actor._find_dispatcher(self)

    def _can_resume(self, message: object) -> bool:
        return not isinstance(message, Broken) and super()._can_resume(message)

    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, Broken):
            raise message.error
        return super()._handle_receive(message)

    def _pump(self) -> None:
        """Begin, or go on now that there is room downstream."""
        import asyncio

        from mycelium.dispatcher.event_loop import Steps

        if self._producing is None:
            self._stopping = asyncio.Event()
            self._room = asyncio.Event()
            self._producing = asyncio.get_running_loop().create_task(Steps(self, self._produce_all()))
        elif self._room is not None:
            self._room.set()

    async def _produce_all(self) -> None:
        from asyncio import CancelledError

        try:
            given: Any = self.produce()
            if not hasattr(given, "__aiter__"):
                if hasattr(given, "close"):
                    given.close()  # a coroutine: a forgotten yield
                raise NothingProducedError(actor=self.name, value=text_of(given, repr))
            if hasattr(given, "aclose"):
                async with aclosing(given):
                    await self._emit_all(given)
            else:
                await self._emit_all(given)
        except CancelledError:
            self._cut_short = True
        except BaseException as error:
            if self._is_between_lives:
                try_to_log(self.log.error, "produce failed while it was ended", exc_info=error)
            elif self.actor_stopped.is_set() or (self._stopping is not None and self._stopping.is_set()):
                self._handle_failure(*sys.exc_info())
            else:
                self._mailbox.put(Envelope(Broken(error)))
            return
        self.exhausted = not self._cut_short
        self._finish()

    async def _emit_all(self, given: AsyncIterable[TLV]) -> None:
        items = self._mailbox.items
        room = self.chunk
        async for message in given:
            self.emit(message)
            room -= 1
            if items or not room:
                room = self.chunk
                await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """Let others run, for as long as a mailbox downstream is too full."""
        from asyncio import sleep

        assert self._room is not None
        self._room.clear()
        while self._must_wait():
            await self._room.wait()
            self._room.clear()
        await sleep(0)

    async def _wind_down(self) -> None:
        """End `produce` where it waits, and let it run what it does at its end."""
        from asyncio import wait

        if self._producing is None or self._producing.done() or self._stopping is None:
            return
        self._cut()
        await wait({self._producing})

    def _cut(self) -> None:
        """Have `produce` end, once: a second cancel would hit what it does at its end."""
        if self._producing is None or self._stopping is None or self._stopping.is_set():
            return
        self._stopping.set()
        if not self._pausing:
            self._producing.cancel()

    def _end_life(self) -> None:
        self._cut()
        super()._end_life()

    def _actor_loop_teardown(self) -> None:
        if self._producing is not None:
            self._producing.cancel()
        super()._actor_loop_teardown()
