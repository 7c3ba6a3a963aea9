"""Errors of actors that answer each other, and pass on.

::

    ActorError
      SenderUnknownError  ACT-055  the sender of a message whose handler does not take it  (LookupError)
"""

from __future__ import annotations

from mycelium.errors.actor import ActorError

__all__ = ["SenderUnknownError"]


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
