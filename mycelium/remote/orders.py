"""Orders: what the actors of a peer want of those here beside messages: that one stops, or that they are told of its end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.actor.reply import Reply
from mycelium.attempted_log import try_to_log
from mycelium.errors.talking import ActorUnknownError, TooManyWatchesError

from .items import Steering
from .messages import Act, Wire
from .values import answer_of, failure_of

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef
    from mycelium.mailbox.ending import Ending

    from .directory import Directory
    from .peer import Peer

__all__ = ["OUTBOX_MAX", "WATCHES_MAX", "Orders"]

#: The watches of one peer, at most: so many actors here that somebody there wants to hear the end of.
WATCHES_MAX = 65_536
#: What waits to be said to a peer, at most: while it takes none of it, it orders nothing more.
OUTBOX_MAX = 65_536


class Orders:
    """Of one peer. Its receiving thread takes them; any thread ends them.

    Attributes:
        refused: Watches beyond `WATCHES_MAX`.
    """

    def __init__(self, peer: Peer, directory: Directory) -> None:
        self.refused = 0
        self._peer = peer
        self._directory = directory
        self._watched: dict[int, tuple[Ending, object]] = {}

    @property
    def watches(self) -> int:
        """How many ends somebody there is to be told of."""
        return len(self._watched)

    def take(self, order: Wire.Order) -> None:
        """The receiving thread. Raises a `TLVError` for what is none."""
        number, act, name, watcher = order.number, order.act, str(order.actor), str(order.watcher)
        if act == Act.UNWATCH:
            watched = self._watched.pop(number, None)
            if watched is not None:
                watched[0].not_at_end(watched[1])
            return
        if len(self._peer.talk.outbox) >= OUTBOX_MAX:
            self._peer.receiving.refuse("orders, of which it does not take the answers")
            return
        actor = self._directory.actors.get(name)
        if actor is None:
            hint = "start both nodes from the same files, profile and version"
            error = ActorUnknownError(
                actor=self._peer.name, name=name[:200], reason=f"not on {self._peer.node}", hint=hint
            )
            self._say(failure_of(number, error, ended=act in {Act.WATCH, Act.WATCH_AHEAD}))
        elif act in {Act.WATCH, Act.WATCH_AHEAD}:
            self._begin_watch(actor, number, watcher, ahead=act == Act.WATCH_AHEAD)
        elif act in {Act.STOP, Act.STOP_NOW}:
            self._stop(actor, number, now=act == Act.STOP_NOW)
        else:
            self._peer.receiving.refuse(f"an order of kind {act}")

    def end_life(self) -> None:
        """Who wanted to be told is there no more. Either thread."""
        for number in self._watched.copy():
            mailbox, key = self._watched.pop(number, (None, None))
            if mailbox is not None:
                mailbox.not_at_end(key)

    def _say(self, message: Any) -> None:
        self._peer.talk.say(message)

    def _begin_watch(self, actor: Actor, number: int, watcher: str, *, ahead: bool) -> None:
        if number in self._watched:
            self._peer.receiving.refuse(f"a watch with number {number}, as another one has")
            return
        if len(self._watched) >= WATCHES_MAX:
            error = TooManyWatchesError(actor=actor.name, node=self._peer.node, peer=self._peer.name, limit=WATCHES_MAX)
            self.refused += 1
            if self.refused == 1:
                try_to_log(self._peer.log.error, "a watch was refused", **error.to_dict())
            self._say(failure_of(number, error, ended=True))
            return
        key = object()
        self._watched[number] = (actor.mailbox, key)

        def tell(error: BaseException | None) -> None:
            if self._watched.pop(number, None) is None:
                return
            ended = failure_of(number, error, ended=True)
            outlet = None if ahead else self._directory.outlet_of(actor.name, watcher)
            if outlet is None or outlet.end_told:
                self._say(ended)
            else:
                outlet.mailbox.put(Envelope(Steering(ended)))  # behind all that it has sent there

        actor.mailbox.at_end(key, tell)

    def _stop(self, actor: Actor, number: int, *, now: bool) -> None:
        told: Reply[Any] = Reply()
        told.target = actor.mailbox
        told.when_done(partial(self._answer_stop, number, told))
        ref: ActorRef[Any] = actor.actor_ref
        if now and ref.is_alive():
            ref._stop_now(told)
        else:
            ref._put_ask(_ActorStop(), told, None)

    def _answer_stop(self, number: int, told: Reply[Any]) -> None:
        was_alive = told._outcome is not None and told._outcome[1] is None
        self._say(answer_of(number, was_alive, "", "stop"))
