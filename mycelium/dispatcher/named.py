"""The dispatchers of this process, by name; each is made when the first actor needs it."""

from __future__ import annotations

from threading import Lock

from mycelium.errors.actor import DispatcherUnknownError
from mycelium.nearest import did_you_mean

from .coroutines import ASYNCIO
from .pinned import PINNED
from .shared import THROUGHPUT, Dispatcher

__all__ = ["DEFAULT", "declare_dispatcher", "declared_dispatchers", "dispatcher_named"]

#: The dispatcher of actors that name none.
DEFAULT = "default"

_lock = Lock()
_dispatchers: dict[str, Dispatcher] = {}


def declare_dispatcher(
    name: str, *, workers: int | None = None, throughput: int = THROUGHPUT, slow_handler_ms: int | None = None
) -> Dispatcher:
    """Make the dispatcher of that name, or change how many workers and messages a turn it has.

    "asyncio" is the event loop, which has one thread always. ``workers`` is the number of threads, by default one under the GIL and one a core without it;
    ``throughput`` is how many messages an actor handles before the next one has its turn;
    ``slow_handler_ms`` is how long a handler may run before it is reported (0: never).
    """
    with _lock:
        found = _dispatchers.get(name)
        if found is None:
            found = _dispatchers[name] = _made(name, name, daemon=False)
        found.configure(workers=workers, throughput=throughput, slow_handler_ms=slow_handler_ms)
        return found


def declared_dispatchers() -> tuple[str, ...]:
    """The names of the dispatchers that there are so far."""
    with _lock:
        return tuple(_dispatchers)


def dispatcher_named(name: str, *, actor: str = "", daemon: bool = False) -> Dispatcher:
    """The dispatcher of that name; `DispatcherUnknownError` where nobody has declared it.

    Actors whose threads let the program end have a default dispatcher, and an event loop, of their own.
    """
    usual = name
    if name in {DEFAULT, ASYNCIO} and daemon:
        name = f"{name}-daemon"
    with _lock:
        found = _dispatchers.get(name)
        if found is None:
            if usual not in {DEFAULT, ASYNCIO}:
                known = sorted({ASYNCIO, DEFAULT, PINNED, *_dispatchers})
                raise DispatcherUnknownError(actor=actor, name=name, hint=did_you_mean(name, known, "dispatchers"))
            found = _dispatchers[name] = _made(name, usual, daemon=daemon)
        return found


def _made(name: str, usual: str, *, daemon: bool) -> Dispatcher:
    if usual != ASYNCIO:
        return Dispatcher(name, daemon=daemon)
    from .event_loop import EventLoop  # asyncio is slow to import, and most programs have no use for it

    return EventLoop(name, daemon=daemon)
