"""Which methods of an actor class are coroutines, and who can run them."""

from __future__ import annotations

import inspect
from typing import Any

import pykka

from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.errors.event_loop import CoroutineOutsideLoopError

__all__ = ["ASYNCIO", "HOOKS", "coroutine_in", "may_await", "refuse_coroutines"]

#: What an actor names as its dispatcher to run on the event loop.
ASYNCIO = "asyncio"

#: The hooks that may be coroutines there, beside handlers, `on_receive`, and methods that are called by proxy.
HOOKS = ("on_start", "on_stop", "on_failure", "on_terminated", "pre_restart", "post_restart")

# What was found of a class is kept in it, and goes with it: a cache would keep every class that was ever made.
_COROUTINE, _AWAITS = "_coroutine_in", "_may_await"


def refuse_coroutines(cls: type[pykka.Actor], dispatcher: str, kind: str | None) -> None:
    """Raise `CoroutineOutsideLoopError` where a handler or a hook needs an event loop, and ``dispatcher`` is of another kind.

    ``kind`` is None for one that is not declared yet: that is told when an actor is to run on it.
    """
    method = "" if kind in (None, ASYNCIO) else coroutine_in(cls)
    if method:
        raise CoroutineOutsideLoopError(actor=shown(cls), method=method, dispatcher=dispatcher)


def coroutine_in(cls: type[Any]) -> str:
    """The first handler or hook that is a coroutine; empty where there is none."""
    found: str | None = vars(cls).get(_COROUTINE)
    if found is None:
        found = _first_coroutine(cls)
        setattr(cls, _COROUTINE, found)
    return found


def _first_coroutine(cls: type[Any]) -> str:
    handlers = (handler.method for handler in contract_of(cls).table.values())
    methods = (*handlers, *HOOKS, "on_receive")
    return next((name for name in methods if inspect.iscoroutinefunction(getattr(cls, name, None))), "")


def may_await(cls: type[Any]) -> bool:
    """Whether some method of the class is a coroutine. Those of the framework itself wait for nobody but by that."""
    found: bool | None = vars(cls).get(_AWAITS)
    if found is None:
        found = _has_coroutine(cls)
        setattr(cls, _AWAITS, found)
    return found


def _has_coroutine(cls: type[Any]) -> bool:
    return any(
        inspect.iscoroutinefunction(value)
        for base in cls.__mro__
        if not base.__module__.startswith("mycelium.")
        for value in vars(base).values()
    )
