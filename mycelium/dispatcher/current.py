"""Which actor is running in this thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mycelium.actor import Actor

__all__ = ["current_actor", "running"]


class Running(threading.local):
    """The actor whose code this thread is in; None outside of actors."""

    actor: Actor | None = None
    #: How many actors run inside each other here, each waiting for the next one's answer.
    depth = 0
    #: How many steps of coroutines this thread has run.
    steps = 0


running = Running()


def current_actor() -> Actor | None:
    """The actor whose handler or hook runs in this thread, or None."""
    return running.actor
