"""Signals: what the runtime puts into an actor's mailbox beside the messages of others.

**The control lane.** What must not wait behind mail (a stop at once, the order to begin anew, the end of a
watched actor where that is asked for) stands in a lane of its own, in the order in which it came, and for
each of them a `Turn` is put in front of the queue. So the next item that the actor takes is control, also
in the middle of a turn, and nobody else pays for it: the queue and those who empty it know nothing of
the lane. It has no bound: senders who find the queue full take off what of it is control.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.mailbox.mail import Internal

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.ending import Ending

__all__ = ["Signal", "Turn", "add_control", "left_in", "next_control"]


class Signal(Internal):
    """Something that happens in an actor's own thread when its turn comes. None is a dead letter."""

    __slots__ = ()

    @abstractmethod
    def arrive(self, actor: Actor) -> Envelope[Any] | None:
        """What happens; an error in it is the actor's, as if a handler had raised it. A message that it brings is handled next."""


class Turn(Signal):
    """In front of the queue: it is the turn of what is first in the control lane."""

    __slots__ = ()

    def arrive(self, actor: Actor) -> Envelope[Any] | None:
        """It is handled next."""
        return next_control(actor.mailbox)


def add_control(mailbox: Ending, envelope: Envelope[Any]) -> None:
    """Put it last in the lane."""
    with mailbox._lock:
        while True:
            lane = mailbox.control
            longer = (*lane, envelope)
            if mailbox.control is lane:  # else a finalizer has changed it while the new one was made
                mailbox.control = longer
                return


def next_control(mailbox: Ending) -> Envelope[Any] | None:
    """Take what is first in the lane; None where nothing is."""
    with mailbox._lock:
        while lane := mailbox.control:
            rest = lane[1:]
            if mailbox.control is lane:
                mailbox.control = rest
                return lane[0]
        return None


def left_in(mailbox: Ending) -> Iterator[Any]:
    """Take what is left in a mailbox, control first. Other threads may take of it, too."""
    while (control := next_control(mailbox)) is not None:
        yield control
    take = mailbox.items.popleft
    while True:
        try:
            item = take()
        except IndexError:
            return
        yield item
