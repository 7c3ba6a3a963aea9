"""Errors of actors on an event loop, and of handlers that take too long.

::

    ActorError
      CoroutineOutsideLoopError  ACT-040  a coroutine on a dispatcher that cannot await it  (TypeError)
      BlockingInLoopError        ACT-041  waited, without await, for an actor of one's own loop (RuntimeError)
      SlowHandlerError           ACT-042  the log entry of a handler that runs for too long
      DispatcherDeclarationError ACT-060  a dispatcher that cannot be as it is declared         (ValueError)
"""

from __future__ import annotations

from mycelium.errors.actor import ActorError

__all__ = ["BlockingInLoopError", "CoroutineOutsideLoopError", "DispatcherDeclarationError", "SlowHandlerError"]


class CoroutineOutsideLoopError(
    ActorError,
    TypeError,
    code="ACT-040",
    text="{actor}.{method}() is a coroutine, and the dispatcher {dispatcher!r} cannot await it",
    next_step='write dispatcher="asyncio" in the class line, or the name of an event loop of yours, or make it a plain method',
):
    """A coroutine on a dispatcher that cannot await it."""

    actor: str
    method: str
    dispatcher: str


class BlockingInLoopError(
    ActorError,
    RuntimeError,
    code="ACT-041",
    text="{actor} would block the event loop that {target} needs to answer it",
    next_step="await the answer: await self.ask(ref, message, timeout=1.0), or await the future",
):
    """Waited, without ``await``, for an actor of one's own loop."""

    actor: str
    target: str


class SlowHandlerError(
    ActorError,
    code="ACT-042",
    text="{actor} has been handling {message} for {milliseconds} ms; {who_waits}",
    next_step="the stack shows where it is",
):
    """How a handler that runs for too long is logged."""

    actor: str
    message: str
    milliseconds: int
    who_waits: str


class DispatcherDeclarationError(
    ActorError,
    ValueError,
    code="ACT-060",
    text="dispatcher {name!r} cannot be declared with {key} = {value!r}: {rule}",
    next_step='declare it under another name, or leave the key out: declare_dispatcher("feeds", kind="asyncio")',
):
    """A dispatcher that cannot be as it is declared."""

    name: str
    key: str
    value: object
    rule: str
