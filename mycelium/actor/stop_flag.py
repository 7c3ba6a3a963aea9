"""StopFlag: what says that an actor has stopped, or is to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mycelium.lazy_event import LazyEvent

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["StopFlag"]


class StopFlag(LazyEvent):
    """``Actor.actor_stopped``: whoever sets it also closes the mailbox for declared messages."""

    __slots__ = ("_mailbox",)

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__()
        self._mailbox = mailbox

    def set(self) -> None:
        """Stop the actor after the messages in hand: those that it took out of its mailbox together."""
        super().set()
        self._mailbox.refuse()
        dispatcher = self._mailbox.dispatcher
        if dispatcher is not None:
            dispatcher.cut_short(self._mailbox)
