"""A thread of its own for an actor that blocks, or that must not wait for others."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING

from .current import running
from .slow import watch

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor

__all__ = ["PINNED", "start_pinned"]

#: What an actor names as its dispatcher to get a thread of its own.
PINNED = "pinned"

_numbers = count()


def start_pinned(actor: Actor) -> None:
    """Run the actor's loop in a new thread, as pykka's ThreadingActor does."""
    name = f"{type(actor).__name__}-{next(_numbers)}"
    thread = threading.Thread(target=_run, args=(actor,), name=name, daemon=actor.use_daemon_thread)
    thread.start()


def _run(actor: Actor) -> None:
    running.actor = actor
    with watch.over(None):
        actor._actor_loop()
