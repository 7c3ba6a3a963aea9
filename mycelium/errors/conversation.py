"""Errors of actors that answer each other, pass on, and bring together.

::

    ActorError
      SenderUnknownError  ACT-055  the sender of a message whose handler does not take it  (LookupError)
      PipeSourceError     ACT-056  piped what cannot tell when it is done                  (TypeError)
"""

from __future__ import annotations

from mycelium.errors.actor import ActorError

__all__ = ["PipeSourceError", "SenderUnknownError"]


class SenderUnknownError(
    ActorError,
    LookupError,
    code="ACT-055",
    text="{actor} was not told who sent {message}",
    next_step="take the sender in the handler: def on_ping(self, ping: Ping, sender: ActorRef[Any] | None)",
):
    """The sender of a message whose handler does not take it."""

    actor: str
    message: str


class PipeSourceError(
    ActorError,
    TypeError,
    code="ACT-056",
    text="{actor} cannot pipe {value}: {reason}",
    next_step="pipe what ask(..., block=False) gives, a future of asyncio or concurrent.futures, or in an event loop a coroutine",
):
    """Piped what cannot tell when it is done."""

    actor: str
    value: str
    reason: str
