"""Directory: who is where. It gives the refs of a whole topology, and what one actor here says to one there goes through.

An actor that emits to another one elsewhere has an outlet for that; what it tells and asks by a ref goes there
too. For every other pair an outlet is made at the first word, and numbered behind those of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any

from mycelium.contracts.contract import contract_of
from mycelium.errors.actor import WiringError
from mycelium.errors.talking import NotLinkedError
from mycelium.topology.nodes import Stream
from mycelium.topology.resolved import ResolvedTopology

from .inlet import Inlet
from .messages import CONTROL, OPENED, Wire
from .outlet import Outlet
from .ref import RemoteRef, Voice
from .values import Vocabulary

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef

    from .peer import Peer

__all__ = ["Directory"]


class Directory:
    """Of one node. ``opened`` is called with each outlet that is made while the node runs."""

    def __init__(self, node: str, whole: ResolvedTopology, opened: Callable[[Outlet], None]) -> None:
        self.node = node
        self.whole = whole
        self.actors: Mapping[str, Actor] = {}
        self.peers: Mapping[str, Peer] = {}
        contracts = [contract_of(actor.actor_class) for actor in whole.actors.values()]
        self.vocabulary = Vocabulary(one for made in contracts for one in (*made.receives, *made.emits))
        self._opened = opened
        self._outlets: dict[tuple[str, str], Outlet] = {}
        self._inlets: dict[str, dict[tuple[str, str], Inlet]] = {}
        self._refs: dict[str, RemoteRef] = {}
        self._numbers: dict[str, Callable[[], int]] = {}
        self._lock = RLock()  # a finalizer may speak in the middle

    def add(self, outlets: tuple[Outlet, ...]) -> None:
        """Those of the plan."""
        for outlet in outlets:
            self._outlets[outlet.stream.sender, outlet.stream.receiver] = outlet

    def refs(self) -> dict[str, ActorRef[Any]]:
        """All actors of the topology that can be reached from here."""
        found: dict[str, ActorRef[Any]] = {}
        for name, actor in self.whole.actors.items():
            if name in self.actors:
                found[name] = self.actors[name].actor_ref
            elif actor.node in self.peers:
                found[name] = self.remote(name)
        return found

    def remote(self, name: str) -> RemoteRef:
        """The ref of an actor of another node. Raises `NotLinkedError`."""
        found = self._refs.get(name)
        if found is None:
            actor = self.whole.actors[name]
            peer = self.peers.get(actor.node)
            if peer is None:
                raise NotLinkedError(actor=name, node=actor.node, here=self.node)
            made = RemoteRef(name, actor.actor_class, peer, self.whole.name, self._voice_of)
            found = self._refs.setdefault(name, made)
        return found

    def find(self, name: str) -> ActorRef[Any] | None:
        """The ref of whoever has this name; None where nobody has, or nobody who can be reached."""
        if name in self.actors:
            return self.actors[name].actor_ref
        actor = self.whole.actors.get(name)
        return None if actor is None or actor.node not in self.peers else self.remote(name)

    def name_of(self, ref: ActorRef[Any] | None) -> str:
        """The name by which other nodes know an actor; empty for nobody, and for who is not in the topology."""
        if isinstance(ref, RemoteRef):
            return ref.name
        if ref is None:
            return ""
        actor = self.actors.get(ref.name)
        return actor.name if actor is not None and actor.mailbox is ref._mailbox else ""

    def outlet_of(self, sender: str, receiver: str) -> Outlet | None:
        """What one actor here sends to one elsewhere goes in there, if it has sent any, or may by the plan."""
        return self._outlets.get((sender, receiver))

    def inlet_for(self, peer: Peer, opening: Wire.Opening) -> Inlet | None:
        """What takes in a stream that a peer opens; None where it cannot be. The peer's receiving thread.

        Of each peer they are its own, whoever it says speaks there; and as many as there are numbers for, over all its lives.
        """
        sender, receiver, number = str(opening.sender), str(opening.receiver), opening.stream
        actor = self.actors.get(receiver)
        if actor is None or not OPENED <= number < CONTROL:
            return None
        known, taken = self._inlets.setdefault(peer.name, {}), peer.inlets.get(number)
        found = known.get((sender, receiver))
        if found is None and len(known) >= CONTROL - OPENED:
            return None
        if taken is not None and taken is not found:
            return None
        stream = Stream(number, sender, receiver, peer.name, self.node, contract_of(type(actor)).receives)
        if found is None:
            found = known[sender, receiver] = peer.inlet_of(stream)
        found.stream = stream
        return found

    @property
    def opened_outlets(self) -> tuple[Outlet, ...]:
        """Those that are not in the plan."""
        return tuple(outlet for outlet in tuple(self._outlets.values()) if outlet.opened_late)

    @property
    def opened_inlets(self) -> tuple[Inlet, ...]:
        """Those that are not in the plan."""
        return tuple(inlet for of_peer in tuple(self._inlets.values()) for inlet in tuple(of_peer.values()))

    def _voice_of(self, far: RemoteRef, speaker: ActorRef[Any] | None) -> tuple[Voice, bool]:
        """What an actor here speaks to one there with, and whether it is for that one alone."""
        peer = self.peers[far.node]
        sender = self.name_of(speaker)
        with self._lock:
            outlet = self._outlets.get((sender, far.name)) or self._open(sender, far, peer)
        return Voice(far, outlet, peer), bool(sender) or speaker is None

    def _open(self, sender: str, far: RemoteRef, peer: Peer) -> Outlet:
        number = self._numbers.setdefault(peer.name, count(OPENED).__next__)()
        if number >= CONTROL:
            raise WiringError(actor=sender or self.node, reason=f"its node speaks to too many actors of {peer.name}")
        contract = contract_of(far.actor_class)
        named = sender or f"node {self.node}"
        stream = Stream(number, named, far.name, self.node, peer.name, contract.receives)
        outlet = Outlet(stream, contract, self.whole.actors[far.name].bound, peer.announce)
        outlet.speaker = sender
        peer.add(outlet)
        self._outlets[sender, far.name] = outlet
        self._opened(outlet)
        return outlet
