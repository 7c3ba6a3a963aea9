"""Source: an actor that makes messages, chunk by chunk, no faster than they are handled."""

from __future__ import annotations

import sys
import threading
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.actor.actor import Actor
from mycelium.attempted_log import try_to_log
from mycelium.dispatcher.current import now, running
from mycelium.dispatcher.pinned import PINNED
from mycelium.errors.actor import NothingProducedError, PauseOutsideError, WiringError
from mycelium.mailbox.mail import Internal
from mycelium.mailbox.mailbox import Mailbox
from mycelium.texts import text_of
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.dispatcher.shared import Dispatcher
    from mycelium.routing.router import Route

__all__ = ["Progress", "Source"]


class Progress:
    """How far a source is: set by the source, read from any thread."""

    __slots__ = ("done", "label", "total")

    def __init__(self, *, total: int | None = None, label: str = "") -> None:
        self.done = 0
        self.total = total
        self.label = label

    def __repr__(self) -> str:
        return f"Progress({self.done} of {self.total if self.total is not None else 'unknown'} {self.label})"


class Pump(Internal):
    """What a source puts into its own mailbox to go on with the next chunk."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "produce()"


class Source(Actor):
    """An actor whose messages come from `produce`, a generator.

    ::

        class Ticks(Source, emits=Tick):
            def produce(self) -> Iterator[TLV]:
                self.progress.total = 1000
                for number in range(1000):
                    yield Tick(number=number)
                    self.progress.done += 1

    The source emits what the generator yields, in chunks that go through its own mailbox: between two
    messages it still serves asks, proxies and stop. It waits while more than `high_water` messages
    (or half of what it holds) lie in any mailbox downstream, until no more than `low_water` do. ``finished`` is set when the
    generator is exhausted, or the source stopped or failed before that; ``exhausted`` tells which.
    """

    dispatcher: ClassVar[str] = PINNED
    #: The only one that can run it: a generator waits while it produces.
    runs_only_on: ClassVar[str] = PINNED
    high_water: ClassVar[int] = 1024
    low_water: ClassVar[int] = 256
    #: Messages between two looks at the mailboxes downstream.
    chunk: ClassVar[int] = 256

    progress: Progress
    """How far it is; where the source never says, reports tell what it has emitted."""

    refused: Mapping[str, int]
    """Inputs that it refused, counted by reason, for the final report; yours to set or override."""

    finished: threading.Event
    exhausted: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.progress = Progress()
        self.refused = {}
        self.finished = threading.Event()
        self.exhausted = False
        self._downstream: tuple[Mailbox, ...] = ()
        self._produced: Iterator[TLV] | None = None
        self._pumping = False
        self._cut_short = False
        # Its own in each life: what another life has put into the mailbox, or had put there, moves nothing any more.
        self._pump_mail = mail = Envelope(Pump())
        self._resume = partial(self._mailbox.put, mail)

    @property
    def emitted(self) -> int:
        """How many messages it has emitted so far."""
        routed = sum(route.emitted for route in tuple(self._tally.routes))
        return routed + sum(tuple(self._tally.unrouted.values()))

    @abstractmethod
    def produce(self) -> Iterator[TLV] | AsyncIterator[TLV]:
        """Yield the messages to emit, in order. Runs in the source's thread; it may raise, as a handler may."""

    def pause(self, seconds: float) -> bool:
        """Wait inside `produce`; True as soon as the source is to stop: then return from `produce`.

        Other mail is handled meanwhile. Raises `PauseOutsideError` anywhere else: a handler that
        waits keeps the mailbox from being served.
        """
        return self.wait_until(now() + seconds)

    def wait_until(self, moment: float) -> bool:
        """As `pause`, until ``time.monotonic()`` has reached ``moment``; in a simulation, its clock."""
        if not self._pumping:
            raise PauseOutsideError(actor=self.name)
        items = self._mailbox.items
        while self._begun and not self.actor_stopped.is_set():
            if items and (_is_stop(items[0]) or any(map(_is_stop, self._mailbox.control))):
                break
            left = moment - now()
            if left <= 0:
                return False
            if items:
                self._drain(1)
            elif running.simulation is None:
                self._mailbox.wait(left)
            else:
                running.simulation.sleep(self._mailbox, moment)
        self._cut_short = True
        return True

    def _find_dispatcher(self) -> Dispatcher | None:
        if running.simulation is not None:
            return running.simulation
        if (self._context.dispatcher or self.dispatcher) != PINNED:
            reason = f"a source waits while it produces, and must be {PINNED}; one that awaits is an AsyncSource"
            raise WiringError(actor=self.name, reason=reason)
        return None

    def _connect(self, routes: Mapping[type[Any], Route], downstream: tuple[Mailbox, ...]) -> None:
        super()._connect(routes, downstream)
        # A mailbox that lets go of what it has no room for holds up nobody.
        self._downstream = tuple(mailbox for mailbox in downstream if mailbox.holds_up)

    def _actor_loop_setup(self) -> None:
        # A source that has not finished has work, even while its mailbox is empty.
        self._mailbox.engaged = True
        super()._actor_loop_setup()
        if not self.actor_stopped.is_set():
            self._resume()

    def _can_resume(self, message: object) -> bool:
        return not isinstance(message, Pump)

    def _resume_work(self) -> None:
        if not self.finished.is_set():
            self._resume()

    def _handle_receive(self, message: Any) -> Any:
        if not isinstance(message, Pump):
            return super()._handle_receive(message)
        return self._pump() if message is self._pump_mail.message else None

    def _pump(self) -> None:
        """Emit a chunk; ends early when there is mail, so that mail waits for one message at most."""
        if self._must_wait():
            return
        if self._produced is None:
            given = self.produce()
            if not isinstance(given, Iterable):  # a forgotten yield gives None
                raise NothingProducedError(actor=self.name, value=text_of(given, repr))
            self._produced = iter(given)
        self._pumping = True
        try:
            exhausted = self._pump_chunk(self._produced)
        finally:
            self._pumping = False
        if self._is_between_lives:
            self._close_produced()
        elif exhausted:
            self._produced = None
            self.exhausted = not self._cut_short
            self._finish()
        elif not self.actor_stopped.is_set():
            self._resume()

    def _pump_chunk(self, produced: Iterator[TLV]) -> bool:
        room = self.chunk if running.simulation is None else 1  # others may have their turn after each
        return self._mailbox.pump(produced, self.emit, room)

    def _must_wait(self) -> bool:
        """Whether a mailbox downstream is too full; then its owner goes on with the pump when there is room."""
        return any(
            len(mailbox) > min(self.high_water, mailbox.capacity // 2)
            and mailbox.when_room(min(self.low_water, mailbox.capacity // 4), self._resume)
            for mailbox in self._downstream
        )

    def _end_life(self) -> None:
        self._close_produced()
        super()._end_life()

    def _stop(self) -> None:
        self._close_produced()
        super()._stop()

    def _actor_loop_teardown(self) -> None:
        self._close_produced()
        self._finish()
        super()._actor_loop_teardown()

    def _close_produced(self) -> None:
        """Run what the generator does at its end, before `on_stop`; not while it is running."""
        if self._pumping:
            return
        produced, self._produced = self._produced, None
        close = getattr(produced, "close", None)
        if close is not None:
            try:
                close()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if self._is_between_lives:
                    try_to_log(self.log.error, "produce failed while it was closed", exc_info=error)
                else:
                    self._handle_failure(*sys.exc_info())

    def _finish(self) -> None:
        if self._is_between_lives and not self.actor_stopped.is_set():
            return
        self._mailbox.engaged = False
        self.finished.set()


def _is_stop(item: Any) -> bool:
    return isinstance(item, Envelope) and isinstance(item.message, _ActorStop)
