"""Which actor is running in this thread, and what time it is for it."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef
    from mycelium.testing.simulation import Simulation

__all__ = ["current_actor", "current_ref", "now", "running", "settle"]


class Running(threading.local):
    """The actor whose code this thread is in; None outside of actors."""

    actor: Actor | None = None
    #: How many actors run inside each other here, each waiting for the next one's answer.
    depth = 0
    #: How many steps of coroutines this thread has run.
    steps = 0
    #: Who runs whatever is launched in this thread, in a test; see `mycelium.testing.simulation`.
    simulation: Simulation | None = None


running = Running()


def current_actor() -> Actor | None:
    """The actor whose handler or hook runs in this thread, or None."""
    return running.actor


def current_ref() -> ActorRef[Any] | None:
    """The ref of that actor, or None: who sends what this thread sends."""
    actor = running.actor
    return None if actor is None else cast("ActorRef[Any]", actor._actor_ref)  # not by the property, which is slower


def now() -> float:
    """``time.monotonic()``, and in a simulation the seconds of its clock."""
    simulation = running.simulation
    return monotonic() if simulation is None else simulation.clock.now()


def settle() -> None:
    """Before a wait for other threads: in a simulation there are none, so let everybody run until all is quiet."""
    if running.simulation is not None:
        running.simulation.run()
