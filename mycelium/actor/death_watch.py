"""Death watch: who wants to know when an actor has ended, and what he is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.actor.ref import ActorRef
from mycelium.actor.signals import Signal
from mycelium.errors.actor import NotWatchableError
from mycelium.texts import text_of

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Terminated", "Watches"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """A watched actor has ended. Comes to `Actor.on_terminated` of who watched it; no message set names it."""

    ref: ActorRef[Any]
    """Who has ended."""

    name: str
    """Its name."""

    error: BaseException | None
    """What it failed with; None where it was stopped."""

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.error is not None

    @property
    def reason(self) -> str:
        """stopped, or failed: with what."""
        return "stopped" if self.error is None else f"failed: {text_of(self.error, repr)}"


class Notice(Signal):
    """Brings a `Terminated` to one who watches."""

    __slots__ = ("terminated",)

    def __init__(self, terminated: Terminated) -> None:
        self.terminated = terminated

    def __repr__(self) -> str:
        return repr(self.terminated)

    def arrive(self, actor: Actor) -> None:
        """Tell it to who still watches."""
        if actor.watches.end(self.terminated.ref):
            actor.on_terminated(self.terminated)


class Watches:
    """Whom one actor watches. Used in its own thread only.

    The watched one's mailbox holds who is to be told, and takes him off when it tells him: so each
    watch is told once. Whoever enters himself looks, under the lock of that list, whether the actor
    has ended; the end takes the list under the same lock.
    """

    __slots__ = ("_mailbox", "_name", "_watched")

    def __init__(self, actor: Actor) -> None:
        self._mailbox = actor.mailbox
        self._name = actor.name
        self._watched: dict[str, Mailbox] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def begin(self, ref: ActorRef[Any], *, ahead: bool = False) -> None:
        """Be told when that actor ends, once; at once where it has ended. Raises `NotWatchableError`."""
        if not isinstance(ref, ActorRef):
            raise NotWatchableError(actor=self._name, value=text_of(ref, repr))
        if ref.actor_urn in self._watched:
            return
        self._watched[ref.actor_urn] = ref._mailbox
        mailbox = self._mailbox
        put = mailbox.steer if ahead else mailbox.put

        def tell(error: BaseException | None) -> None:
            put(Envelope(Notice(Terminated(ref, ref.name, error))))

        ref._mailbox.at_end(mailbox, tell, ahead=ahead)

    def end(self, ref: ActorRef[Any]) -> bool:
        """Watch it no longer; whether it was watched."""
        mailbox = self._watched.pop(ref.actor_urn, None)
        if mailbox is not None:
            mailbox.not_at_end(self._mailbox)
        return mailbox is not None

    def end_all(self) -> None:
        """Watch nobody any more."""
        for mailbox in self._watched.values():
            mailbox.not_at_end(self._mailbox)
        self._watched.clear()
