"""Wiring: everything that joins one node to the others of its topology."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from random import SystemRandom
from typing import TYPE_CHECKING

from mycelium.contracts.contract import contract_of
from mycelium.errors.cluster import PeerLostError, PeerSilentError
from mycelium.ledger.report import StreamCounts
from mycelium.link.link import Link
from mycelium.topology.nodes import NodePart, Stream
from mycelium.topology.resolved import ResolvedTopology
from tlv import TLV, DeclaredError
from tlv.digests import blake2b

from .bucket import Bucket
from .directory import Directory
from .inlet import Inlet
from .outlet import Outlet
from .peer import Peer

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor

__all__ = ["PATIENCE_S", "SPARE_S", "Wiring", "channel_of"]

#: How long a node that leaves waits for peers that need nothing of it, and may go on; in seconds.
SPARE_S = 1.0
#: How long a node waits for a peer that is not ready, or has gone; in seconds.
PATIENCE_S = 30.0
#: How long a node that stops waits for a peer that has gone: it may be just coming back, and have what is to be sent.
RETURN_S = 2.0


def channel_of(topology: str, sender: str, receiver: str) -> str:
    """The name of the channel from one node to another; a topology's name may be of any letters."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", topology)[:24]
    digest = blake2b(topology.encode(), digest_size=4).hexdigest()
    return f"{plain}.{digest}/{sender}/{receiver}"


class Wiring:
    """The streams of one node, and the peers that they go to and come from.

    ``link_to`` gives the link to a peer, which stays the caller's to close. ``whole`` is the topology of all nodes; ``patience_s`` is how long
    a peer may take to get ready, or to come back. ``is_over`` says of a peer that is not there whether it has ended.
    ``opened`` is called with each outlet that is made for what is told and asked by refs, and is not in the plan.
    """

    def __init__(
        self,
        part: NodePart,
        whole: ResolvedTopology,
        link_to: Callable[[str], Link],
        *,
        patience_s: float = PATIENCE_S,
        is_over: Callable[[str], bool] = lambda node: False,
        opened: Callable[[Outlet], None] = lambda outlet: None,
    ) -> None:
        self.part = part
        self.node = part.node
        self.incarnation = SystemRandom().getrandbits(63)
        self.patience_s = patience_s
        self._link_to = link_to
        self._is_over = is_over
        self._peers: dict[str, Peer] = {}
        self._inlets: list[Inlet] = []
        self._changed = threading.Condition()
        self._problems: dict[str, DeclaredError] = {}
        self.outlets = tuple(
            Outlet(
                stream,
                contract_of(whole.actors[stream.receiver].actor_class),
                whole.actors[stream.receiver].bound,
                lambda outlet: self._peers[outlet.stream.receiver_node].announce(outlet),
            )
            for stream in part.outbound
        )
        #: Who is where.
        self.directory = Directory(part.node, whole, opened)
        self.directory.add(self.outlets)

    def open(self, actors: Mapping[str, Actor]) -> None:
        """Join the peers. Raises `LinkError`."""
        self.directory.actors = actors
        self.directory.peers = self._peers
        name = self.part.topology.name
        spec = self.directory.whole.nodes[self.node]
        for peer in self.part.peers:
            self._peers[peer] = Peer(
                node=self.node,
                name=peer,
                link=self._link_to(peer),
                channels=(channel_of(name, self.node, peer), channel_of(name, peer, self.node)),
                incarnation=self.incarnation,
                outlets=[outlet for outlet in self.outlets if outlet.stream.receiver_node == peer],
                inbound=[stream for stream in self.part.inbound if stream.sender_node == peer],
                directory=self.directory,
                changed=self._tell_changed,
                linger_s=spec.linger_us / 1e6,
                spin_us=spec.spin_us,
                buckets=(
                    Bucket(spec.frames_per_s) if spec.frames_per_s else None,
                    Bucket(spec.mb_per_s * 1e6) if spec.mb_per_s else None,
                ),
            )
        self._inlets = [inlet for one in self._peers.values() for inlet in one.inlets.values()]
        for one in self._peers.values():
            one.open()

    def tell_ready(self) -> None:
        """The actors of this node run, but for its sources: others may send."""
        for peer in self._peers.values():
            peer.tell_ready()

    def await_receivers(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until all nodes that this one sends to are ready.

        Raises `PeerSilentError`, `PeerMismatchError` and `PeerFailedError`.
        """
        deadline = time.monotonic() + self.patience_s
        needed = [self._peers[name] for name in {stream.receiver_node for stream in self.part.outbound}]
        while not is_stopped():
            for peer in needed:
                if (problem := peer.failed or peer.cut_off or peer.refused) is not None:
                    self._await_greeted(peer)
                    raise problem
            silent = [peer for peer in needed if not peer.ready and not self._has_given_up(peer, stopping=False)]
            if not silent:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise PeerSilentError(node=self.node, peer=silent[0].name, seconds=self.patience_s)
            self._wait(min(left, 0.1))

    def _await_greeted(self, peer: Peer) -> None:
        """Whoever is refused, and still there, is to hear who this node is before it ends: else it would wait for it for ever."""
        deadline = time.monotonic() + SPARE_S
        while peer.refused and peer.sending.greet_due and time.monotonic() < deadline:
            peer.sending.wake()
            self._wait(0.01)

    def is_fed_up(self, actor: str, *, stopping: bool = False) -> bool:
        """Whether nothing comes for this actor any more from other nodes.

        Streams of a peer that is gone count as ended when it has not come back in time, or at once while ``stopping``.
        """
        return (stopping and self.failed) or all(
            inlet.ended or self._has_given_up(self._peers[inlet.stream.sender_node], stopping)
            for inlet in self._inlets
            if inlet.stream.receiver == actor
        )

    def _has_given_up(self, peer: Peer, stopping: bool) -> bool:
        if peer.given_up:
            return True
        lost_at = peer.lost_at  # once: its own threads change it
        if not self._is_gone(peer, lost_at, stopping):
            return False
        problem: DeclaredError | None = peer.failed or peer.cut_off or peer.refused
        if problem is None and lost_at is not None and not peer.left:
            gone_s = round(time.monotonic() - lost_at, 1)
            problem = PeerLostError(node=self.node, peer=peer.name, seconds=gone_s)
        if problem is not None and peer.exchanges:
            self._problems[peer.name] = problem
        peer.give_up()
        return True

    def _is_gone(self, peer: Peer, lost_at: float | None, stopping: bool) -> bool:
        """Whether it is not worth the wait: it has ended, or is away for too long."""
        if peer.failed or peer.cut_off or (peer.refused and not peer.met):
            return True
        if lost_at is None:
            # Whoever never came has sent nothing, and does not come any more.
            return not peer.met and (stopping or self._is_over(peer.name))
        gone_s = time.monotonic() - lost_at
        return peer.left or gone_s >= self.patience_s or (stopping and gone_s >= RETURN_S) or self._is_over(peer.name)

    @property
    def failed(self) -> bool:
        """Whether a link has failed for good: then this node ends, whatever else it might wait for."""
        return any(peer.failed is not None for peer in self._peers.values())

    def look(self) -> None:
        """Give up whom it is time to give up: what is for them holds up nobody any more."""
        for peer in self._peers.values():
            if not peer.settled:
                self._has_given_up(peer, stopping=False)

    def wait_fed_up(self, actor: str, timeout: float, *, stopping: bool = False) -> bool:
        """Wait for `is_fed_up` for so many seconds; whether it is."""
        deadline = time.monotonic() + timeout
        while not self.is_fed_up(actor, stopping=stopping):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(min(left, 0.1))
        return True

    def tell_rest(self) -> None:
        """The actors of this node have ended, but for those that are only told and asked."""
        for peer in self._peers.values():
            peer.tell_rest()

    def wait_others_rest(self, timeout: float) -> bool:
        """Wait until that is so of all other nodes, or they are gone; whether it is."""
        deadline = time.monotonic() + timeout
        while not all(
            peer.rests or peer.left or self._has_given_up(peer, stopping=False) for peer in self._peers.values()
        ):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(min(left, 0.1))
        return True

    def end(self, actor: str) -> None:
        """This actor has ended: its streams end when what it sent has gone."""
        for outlet in self.outlets:
            if outlet.stream.sender == actor and not outlet.ending:
                self._peers[outlet.stream.receiver_node].end(outlet)

    def wait_drained(self, timeout: float, *, stopping: bool = False) -> bool:
        """Wait until all that was sent has arrived, but with peers that are gone for good; whether it has."""
        deadline = time.monotonic() + timeout
        while not all(
            outlet.drained or self._has_given_up(self._peers[outlet.stream.receiver_node], stopping)
            for outlet in (*self.outlets, *self.directory.opened_outlets)
        ):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(min(left, 0.1))
        return True

    def leave(self, timeout: float) -> None:
        """Say goodbye to all peers, wait until they do, and close the channels.

        Those that go on, and need nothing of this node, are waited for only a moment: something may be on its way by a ref.
        """
        for peer in self._peers.values():
            peer.leave()
        deadline = time.monotonic() + timeout
        spare_at = time.monotonic() + SPARE_S
        while (left := deadline - time.monotonic()) > 0 and any(
            not peer.parted
            and not (peer.spared and time.monotonic() >= spare_at)
            and not self._has_given_up(peer, stopping=True)
            for peer in self._peers.values()
        ):
            self._wait(min(left, 0.1))
        self.close()

    def close(self) -> None:
        """Close the channels at once. What waits in the outlets is counted as dead letters."""
        for peer in self._peers.values():
            peer.close()
        for outlet in (*self.outlets, *self.directory.opened_outlets):
            outlet.mailbox.close()

    @property
    def problems(self) -> tuple[DeclaredError, ...]:
        """Peers that were lost for good, or refused; messages that one of them reads otherwise; and those of unknown types."""
        mismatches = (one for peer in self._peers.values() for one in tuple(peer.mismatches.found.values()))
        inlets = (*self._inlets, *self.directory.opened_inlets)
        unknown = (one.unknown_error for one in inlets if one.unknown)
        return (*self._problems.values(), *mismatches, *unknown)

    def counts(self) -> Iterator[StreamCounts]:
        """What went over each stream, by message type."""
        for outlet in (*self.outlets, *self.directory.opened_outlets):
            for kind, count in outlet.passed().items():
                yield _counted(outlet.stream, kind, "sent", count)
        for inlet in (*self._inlets, *self.directory.opened_inlets):
            for kind, count in inlet.delivered.copy().items():
                yield _counted(inlet.stream, kind, "delivered", count)

    def _wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def _tell_changed(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _counted(stream: Stream, kind: type[TLV], what: str, count: int) -> StreamCounts:
    return StreamCounts(stream.sender, stream.receiver, kind.__name__, kind.type_id or 0, what, count)
