"""What an actor is told about its place before its own ``__init__`` runs."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from mycelium.actor.ref import ActorRef
    from mycelium.dispatcher.clock import Clock
    from mycelium.mailbox.bounds import Bounded
    from mycelium.observing.trace import Tracer
    from mycelium.venues import VenueTable

__all__ = ["KEPT", "ActorContext", "next_context"]

#: Where ``Actor.__init__`` finds what an actor keeps that is made anew: see `mycelium.supervision.rebirth`.
KEPT = "_kept_cell"


@dataclass(frozen=True, slots=True)
class ActorContext:
    """The name of an actor in its topology, the node it lives on, and the markets it may meet."""

    name: str = ""
    node: str = ""
    venues: VenueTable | None = None
    #: Who runs it, where its class is not to say.
    dispatcher: str = ""
    #: What to call when the actor raises a KeyboardInterrupt; without it, all actors are told to stop.
    interrupted: Callable[[], None] | None = None
    #: What its timers go by, where that is not the clock of its dispatcher.
    clock: Clock | None = None
    #: What holds its mail, where its class is not to say.
    bound: Bounded | None = None
    #: What follows some messages through it into the log.
    tracer: Tracer | None = None
    #: The refs of the topology by name. Raises `ActorUnknownError`.
    refs: Callable[[str, str], ActorRef[Any]] | None = None
    #: Which of how many copies it is.
    instance: tuple[int, int] = (1, 1)


#: Taken by the next actor that is made in this thread; a variable, because users write their own ``__init__``.
next_context: ContextVar[ActorContext | None] = ContextVar("next_context", default=None)
