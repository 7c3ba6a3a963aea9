"""Actor: a pykka actor with a fast mailbox and typed dispatch.

The map: `Actor` is life and hooks, as in pykka; `handling` is how a message meets its handler, what
is counted, and what happens when the handler raises; `emit` is how a message leaves.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import pykka

from mycelium.actor.context import KEPT, ActorContext, next_context
from mycelium.actor.handling import DRAIN_MAX, Handling
from mycelium.actor.ref import ActorRef
from mycelium.actor.registry import is_registered
from mycelium.actor.reply import Reply
from mycelium.actor.sending import Sending
from mycelium.actor.signals import Signal
from mycelium.actor.stop_flag import StopFlag
from mycelium.actor.urns import next_urn
from mycelium.attempted_log import try_to_log
from mycelium.contracts.contract import Contract, compile_contract, open_mailbox
from mycelium.contracts.message_sets import shown
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.dispatcher.clock import clock
from mycelium.dispatcher.coroutines import refuse_coroutines
from mycelium.dispatcher.current import running
from mycelium.dispatcher.named import DEFAULT, dispatcher_named, kind_of
from mycelium.dispatcher.pinned import PINNED, start_pinned
from mycelium.errors.actor import NotInitializedError, WiringError
from mycelium.errors.message_set import UnknownKeywordError
from mycelium.imports.light_structlog import structlog
from mycelium.logging import plain_tracebacks
from mycelium.mailbox.mailbox import Mailbox
from mycelium.nearest import did_you_mean
from mycelium.once import once

if TYPE_CHECKING:
    from types import TracebackType

    from pykka._envelope import Envelope
    from structlog.typing import FilteringBoundLogger

    from mycelium.actor.death_watch import Terminated, Watches
    from mycelium.actor.timers import Timers
    from mycelium.dispatcher.clock import Clock
    from mycelium.dispatcher.shared import Dispatcher
    from mycelium.mailbox.bounds import Bounded
    from mycelium.venues import VenueTable

__all__ = ["Actor"]

pykka_logger = logging.getLogger("pykka")

#: Of actors that are in no topology.
_NO_CONTEXT = ActorContext()


class Actor(Sending, Handling):
    """An actor: one message at a time, state that nobody else touches.

    ::

        class Tape(Actor, receives=Market, ignores=(Market.Quote,), emits=(PriceUpdate,)):
            def __init__(self, config: TapeConfig) -> None:
                super().__init__()
                self.config = config

            @handles
            def on_trade(self, trade: Market.Trade) -> None:
                self.emit(PriceUpdate(price=trade.price))

        ref = Tape.start(TapeConfig.from_env())

    Class keywords, each a message, a message set, or a tuple of these, and inherited where left out:
    ``receives`` (by default what the handlers name), ``ignores`` (received, counted as dropped),
    ``emits``; ``dispatcher``, who runs it; and ``mailbox``, how much waits for it (`Bounded`). A received message neither handled nor ignored is refused when the class is made, and
    so is everything else that cannot work, with a `MessageSetError`.

    All of pykka holds: ``start``, ``stop``, proxies, futures, the registry, ``on_start``,
    ``on_stop``, ``on_failure``, ``on_receive`` for objects that are no declared messages. An actor
    whose handler raises stops, after a tell; after an ask, the caller gets the exception.
    """

    # An actor without state of its own is then without a dict: 600 bytes less.
    __slots__ = (
        "_actor_ref",
        "_batch_table",
        "_begun",
        "_context",
        "_ended",
        "_mailbox",
        "_tally",
        "actor_inbox",
        "actor_stopped",
        "actor_urn",
        "failure",
        "name",
    )

    use_daemon_thread: ClassVar[bool] = False
    """Whether the actor's thread lets the program end while it still runs, as in pykka."""

    dispatcher: ClassVar[str] = DEFAULT
    """Who runs the actors of this class: the name of a dispatcher, "pinned" for a thread of its own, or
    "asyncio" for the event loop, where handlers and hooks may be coroutines; so they may on a named event loop."""

    #: Ends what the actor does beside its mail, on an event loop.
    _wind_down: Callable[[], Awaitable[None]] | None = None

    __contract__: ClassVar[Contract] = Contract()

    actor_inbox: Mailbox
    name: str
    """The actor's name in its topology, else the name of its class."""

    failure: BaseException | None
    """What killed the actor, if something did."""

    def __init_subclass__(
        cls,
        *,
        receives: Any = None,
        ignores: Any = None,
        emits: Any = None,
        dispatcher: str | None = None,
        mailbox: Bounded | None = None,
        **others: Any,
    ) -> None:
        try:
            super().__init_subclass__(**others)
        except TypeError as refused:
            if not others:
                raise
            keyword = next(iter(others))
            hint = did_you_mean(
                keyword, ("receives", "ignores", "emits", "dispatcher", "mailbox"), "keywords of an actor"
            )
            raise UnknownKeywordError(actor=shown(cls), keyword=keyword, hint=hint) from refused
        if dispatcher is not None:
            cls.dispatcher = dispatcher
        cls.__contract__ = compile_contract(cls, receives, ignores, emits, mailbox)
        refuse_coroutines(cls, cls.dispatcher, kind_of(cls.dispatcher))

    @classmethod
    def create(cls, *args: Any, context: ActorContext | None = None, **kwargs: Any) -> Self:
        """Make an actor that does not run yet: what a topology does before it connects and launches.

        Name, node and venues are there as soon as ``super().__init__()`` has run. All other
        arguments go to ``__init__``. Raises `NotInitializedError` where ``__init__`` leaves out its base's.
        """
        token = next_context.set(context)
        try:
            actor = cls(*args, **kwargs)
        finally:
            next_context.reset(token)
        if not hasattr(actor, "_actor_ref"):
            raise NotInitializedError(actor=shown(cls))
        return actor

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Make an actor, register it with pykka, and run it; all arguments go to ``__init__``."""
        return cls.create(*args, **kwargs).launch()

    def launch(self) -> ActorRef[Self]:
        """Register a created actor with pykka and run it.

        Raises `WiringError` the second time, `DispatcherUnknownError` where nobody runs it.
        """
        if self._mailbox.started:
            raise WiringError(actor=self.name, reason="it has been launched before")
        self._find_dispatcher()
        self._mailbox.started = True
        pykka.ActorRegistry.register(self.actor_ref)
        pykka_logger.debug("Starting %s", self)
        self._start_actor_loop()
        return self.actor_ref

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """To be called first in your own ``__init__``; it runs in the thread that starts the actor."""
        # Not by vars(self), which would make each access slow: see `once`.
        if getattr(self, KEPT, None) is not None:
            return  # made anew: it has all this, and keeps it
        # Instead of pykka's own __init__, and what that would set: it makes an urn, an event and a ref that are not ours.
        self.actor_urn = next_urn()
        self.actor_inbox = self._create_actor_inbox()
        # Not for actors that are made while this one is.
        context = next_context.get() or _NO_CONTEXT
        next_context.set(None)
        self._mailbox = self.actor_inbox
        self._tally = self._mailbox.tally
        self._context = context
        self._routes = {}
        self.name = context.name or type(self).__name__
        self._tally.name = self.name
        open_mailbox(self._mailbox, self.__contract__, context.bound)
        self._mailbox.kind, self._mailbox.urn = type(self), self.actor_urn
        self.actor_stopped: Any = StopFlag(self._mailbox)
        self._ended = None
        self.failure = None
        self._begun = False
        self._actor_ref = ActorRef(self)

    @property
    def actor_ref(self) -> ActorRef[Self]:
        """The ref of this actor."""
        return cast("ActorRef[Self]", self._actor_ref)

    @property
    def mailbox(self) -> Mailbox:
        """Where this actor's messages wait."""
        return self._mailbox

    @once
    def log(self) -> FilteringBoundLogger:
        """A structlog logger with the actor, and the node where there is one."""
        plain_tracebacks()
        bound = {"actor": self.name, "node": self._context.node} if self._context.node else {"actor": self.name}
        return cast("FilteringBoundLogger", structlog.get_logger(**bound))

    @once
    def venues(self) -> VenueTable:
        """The venue table of the topology; empty outside of one."""
        from mycelium.venues import VenueTable

        return self._context.venues or VenueTable()

    @once
    def instance(self) -> tuple[int, int]:
        """Which of how many copies this one is, from 1: ``number, count = self.instance``; (1, 1) where there is one."""
        return self._context.instance

    @once
    def timers(self) -> Timers:
        """Messages to itself, later: ``self.timers.once(0.5, Flush())``, ``self.timers.every(1.0, Beat())``."""
        from mycelium.actor.timers import Timers

        return Timers(self, self._clock())

    @once
    def watches(self) -> Watches:
        """Whom it watches; see `watch`."""
        from mycelium.actor.death_watch import Watches

        return Watches(self)

    def watch(self, ref: ActorRef[Any], *, ahead: bool = False) -> None:
        """Be told by a `Terminated` to `on_terminated`, once, when that actor has ended; at once where it has already.

        It comes after all that the watched one has sent; ``ahead`` of it, and of all other mail, where that
        is to be known first. To be called in the actor's own thread;
        watching twice is watching once. Raises `NotWatchableError` for what is no actor of ours.
        """
        self.watches.begin(ref, ahead=ahead)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Watch it no longer: no `Terminated` comes any more, also not one that waits in the mailbox."""
        self.watches.end(ref)

    def on_terminated(self, terminated: Terminated) -> None:
        """What to do when a watched actor has ended; to be overridden. By default it comes to `on_receive`."""
        self.on_receive(terminated)

    def on_receive(self, message: Any) -> Any:
        """What to do with objects that are no declared messages; to be overridden.

        By default, and where an override calls it, the message is a dead letter and logged, as in pykka.
        """
        self._unhandled = message
        reason = f"{type(self).__qualname__} has no handler for it"
        publish(DeadLetterKind.UNHANDLED, self.name, message, reason, told=True)
        return super().on_receive(message)

    def summary(self) -> str | None:
        """What to say about its work in the final report of a topology; None for nothing.

        To be overridden. Called once, when the actor has ended without a failure, after `on_stop`, by
        the node that ran it.
        """
        return None

    # pykka's extension points, and its loop.

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return Reply()

    def _start_actor_loop(self) -> None:
        dispatcher = self._find_dispatcher()
        if dispatcher is None:
            start_pinned(self)
        else:
            dispatcher.attach(self)

    def _find_dispatcher(self) -> Dispatcher | None:
        if running.simulation is not None:
            refuse_coroutines(type(self), running.simulation.name, running.simulation.kind)
            return running.simulation
        name = self._context.dispatcher or self.dispatcher
        found = None if name == PINNED else dispatcher_named(name, actor=self.name, daemon=self.use_daemon_thread)
        refuse_coroutines(type(self), name, PINNED if found is None else found.kind)
        return found

    def _clock(self) -> Clock:
        dispatcher = self._find_dispatcher()
        return self._context.clock or (clock if dispatcher is None else dispatcher.clock)

    def _handle_receive(self, message: Any) -> Any:
        if not isinstance(message, Signal):
            return super()._handle_receive(message)
        brought = message.arrive(self)
        return None if brought is None else self._handle_envelope(brought)

    def _actor_loop(self) -> None:
        """The life of a pinned actor."""
        mailbox = self._mailbox
        while self._take_turn(DRAIN_MAX):
            mailbox.wait()

    def _take_turn(self, budget: int) -> bool:
        """Begin, handle up to ``budget`` messages, and end where it is to end; whether it lives on."""
        stopped = self.actor_stopped.is_set
        mailbox = self._mailbox
        try:
            if not self._begun and not self._begin():
                return True
            waiting = len(mailbox.items)
            # Of a turn in which little waits, min() and max() would be a tenth.
            if waiting > mailbox.high_water_mark:  # noqa: PLR1730
                mailbox.high_water_mark = waiting
            if waiting < budget:  # noqa: PLR1730
                budget = waiting
            while budget > 0 and mailbox.items and self._begun and not stopped():
                budget -= self._drain(budget)
            mailbox.make_room_known()
        except BaseException:
            self._fail_turn()
        if not stopped():
            return True
        self._end()
        return False

    def _answer(self, question: Envelope[Any]) -> bool:
        """Handle a question that does not lie in the mailbox, as a turn of its own; whether the actor lives on."""
        try:
            try:
                self._handle_envelope(question)
            except Exception:
                self._fail(question)
            except BaseException:
                self._give_up(question)
        except BaseException:
            self._fail_turn()
        if not self.actor_stopped.is_set():
            return True
        self._end()
        return False

    def _end(self) -> None:
        # Registered still, where on_start raised a BaseException, which pykka lets through, or a node stopped it at once.
        if is_registered(self.actor_ref):
            pykka.ActorRegistry.unregister(self.actor_ref)
        try:
            self._actor_loop_teardown()
        except BaseException as error:  # of somebody who is told of the end: that is not to end who serves others
            try_to_log(self.log.error, "the end of an actor failed", exc_info=error)
            self._mailbox.close()
        finally:
            self._note_end()

    def _actor_loop_teardown(self) -> None:
        self._end_timers_and_watches()
        left = self._mailbox.close()
        if left:
            try_to_log(self.log.warning, "stopped with mail left", dead_letters=left)
        self._unbind_handlers()
        self._mailbox.tell_end(self.failure)

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.failure = self.failure or exception_value
        self._log_failure(exception_value)
        super()._handle_failure(exception_type, exception_value, traceback)
