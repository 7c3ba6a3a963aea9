"""The dispatchers of this process, by name; each is made when the first actor needs it."""

from __future__ import annotations

from threading import Lock
from typing import Literal

from mycelium.errors.actor import DispatcherUnknownError
from mycelium.errors.event_loop import DispatcherDeclarationError
from mycelium.nearest import did_you_mean
from mycelium.numbers import rule_broken

from .coroutines import ASYNCIO
from .pinned import PINNED
from .shared import Dispatcher

__all__ = [
    "DEFAULT",
    "THROUGHPUT_MAX",
    "WORKERS_MAX",
    "Kind",
    "declare_dispatcher",
    "declared_dispatchers",
    "dispatcher_named",
    "kind_of",
    "refused_as",
]

#: The dispatcher of actors that name none.
DEFAULT = "default"

#: What a dispatcher is made of: threads that take turns, or an event loop.
Kind = Literal["threads", "asyncio"]

#: The most that may be declared: threads, and messages that an actor handles in one turn.
WORKERS_MAX = 1024
THROUGHPUT_MAX = 65_536

_BUILT_IN: dict[str, Kind] = {DEFAULT: "threads", ASYNCIO: "asyncio"}

_lock = Lock()
_dispatchers: dict[str, Dispatcher] = {}


def declare_dispatcher(
    name: str,
    *,
    kind: Kind | None = None,
    workers: int | None = None,
    throughput: int | None = None,
    slow_handler_ms: int | None = None,
) -> Dispatcher:
    """Make the dispatcher of that name, or change how many workers and messages a turn it has.

    ``kind`` is "threads" or "asyncio", an event loop of that name; left out, it is what the dispatcher is already, else
    threads. ``workers`` is the number of threads, by default one under the GIL and one a core without it; an event loop
    has one. ``throughput`` is how many messages an actor handles before the next one has its turn, by default 256, on
    an event loop 64; ``slow_handler_ms`` is how long a handler may run before it is reported (0: never).

    Raises `DispatcherDeclarationError` where that cannot be; so it is for another kind while actors run there. ::

        declare_dispatcher("feeds", kind="asyncio")
    """
    with _lock:
        found = _dispatchers.get(name)
        refused = refused_as(name, kind, workers) or _number_refused(name, workers, throughput, slow_handler_ms)
        if refused is None and found is not None and kind not in (None, found.kind):
            if found.is_in_use:
                rule = f"actors run on it, and it is {found.kind!r}"
                refused = DispatcherDeclarationError(name=name, key="kind", value=kind, rule=rule)
            found = None
        if refused is not None:
            raise refused
        if found is None:
            found = _dispatchers[name] = _made(name, kind or _BUILT_IN.get(name, "threads"), daemon=False)
        found.configure(workers=workers, throughput=throughput, slow_handler_ms=slow_handler_ms)
        return found


def refused_as(name: str, kind: str | None, workers: int | None) -> DispatcherDeclarationError | None:
    """What is wrong with a dispatcher of that name and kind, if something is."""
    given: object = name
    if not isinstance(given, str) or not given:
        rule = "a name is a text that is not empty"
        return DispatcherDeclarationError(name=str(name), key="name", value=name, rule=rule)
    known = kind_of(name)
    if kind not in {None, "threads", ASYNCIO}:
        return DispatcherDeclarationError(
            name=name, key="kind", value=kind, rule="a dispatcher is 'threads' or 'asyncio'"
        )
    if name == PINNED:
        return DispatcherDeclarationError(name=name, key="name", value=name, rule="that means a thread for one actor")
    if kind is not None and _BUILT_IN.get(name, kind) != kind:
        return DispatcherDeclarationError(
            name=name, key="kind", value=kind, rule=f"{name!r} is built in, and is {known!r}"
        )
    if (kind or known) == ASYNCIO and workers not in (None, 1):
        return DispatcherDeclarationError(name=name, key="workers", value=workers, rule="an event loop has one thread")
    return None


def _number_refused(
    name: str, workers: int | None, throughput: int | None, slow_handler_ms: int | None
) -> DispatcherDeclarationError | None:
    for key, value, least, most in (
        ("workers", workers, 1, WORKERS_MAX),
        ("throughput", throughput, 1, THROUGHPUT_MAX),
        ("slow_handler_ms", slow_handler_ms, 0, None),
    ):
        if value is not None and (rule := rule_broken(value, least=least, most=most, whole=True)):
            return DispatcherDeclarationError(name=name, key=key, value=value, rule=f"it takes {rule}")
    return None


def kind_of(name: str) -> str | None:
    """What the dispatcher of that name is made of, or "pinned"; None where nobody has declared it."""
    found = _dispatchers.get(name)
    return found.kind if found is not None else PINNED if name == PINNED else _BUILT_IN.get(name)


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
    found = _dispatchers.get(name)
    if found is not None:
        return found
    with _lock:
        found = _dispatchers.get(name)
        if found is None:
            if usual not in {DEFAULT, ASYNCIO}:
                known = sorted({ASYNCIO, DEFAULT, PINNED, *_dispatchers})
                raise DispatcherUnknownError(actor=actor, name=name, hint=did_you_mean(name, known, "dispatchers"))
            found = _dispatchers[name] = _made(name, _BUILT_IN[usual], daemon=daemon)
        return found


def _made(name: str, kind: Kind, *, daemon: bool) -> Dispatcher:
    if kind != ASYNCIO:
        return Dispatcher(name, daemon=daemon)
    from .event_loop import EventLoop  # asyncio is slow to import, and most programs have no use for it

    return EventLoop(name, daemon=daemon)
