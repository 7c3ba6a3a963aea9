"""StopFlag: what says that an actor has stopped, or is to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mycelium.mailbox import Mailbox

__all__ = ["StopFlag"]


class StopFlag(threading.Event):
    """``Actor.actor_stopped``: whoever sets it also closes the mailbox for declared messages."""

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
