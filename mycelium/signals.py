"""Signals: what the runtime puts into an actor's mailbox beside the messages of others."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.mail import Internal

if TYPE_CHECKING:
    from mycelium.actor import Actor

__all__ = ["Signal"]


class Signal(Internal):
    """Something that happens in an actor's own thread when its turn comes. None is a dead letter."""

    __slots__ = ()

    @abstractmethod
    def arrive(self, actor: Actor) -> Envelope[Any] | None:
        """What happens; an error in it is the actor's, as if a handler had raised it. A message that it brings is handled next."""
