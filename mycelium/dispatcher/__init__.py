"""Dispatchers: which thread runs an actor, and when.

`shared` runs many actors on few threads, which is the default; `pinned` gives an actor a thread of
its own; `current` says who is running, and `waiting` what happens when a handler waits for another
actor. `named` keeps the dispatchers of the process by name, and `clock` tells what is due when.
"""

from __future__ import annotations

from .clock import Clock
from .current import current_actor
from .named import declare_dispatcher, dispatcher_named
from .pinned import PINNED
from .shared import Dispatcher

__all__ = ["PINNED", "Clock", "Dispatcher", "current_actor", "declare_dispatcher", "dispatcher_named"]
