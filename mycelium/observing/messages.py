"""What goes over the control socket: messages of ours, in frames.

Who looks sends a frame with one `Look`; the node answers with a frame of one `NodeState` and as many of
the others as there are actors, messages, edges, failures, sources, streams and nodes, or, where the two do not understand each
other, of one `Refusal`; who is not taken gets one of a `Crowded`. Look and Refusal keep their layouts for ever, so that any two versions can say so.
"""

from __future__ import annotations

from mycelium.contracts.domain import Domain
from mycelium.contracts.message_sets import actor_messages, message_set
from tlv import TLV, Limits, f64, u32, u64

__all__ = ["ANSWER_LIMITS", "DIGEST", "LOOK_LIMITS", "Watching"]

#: The largest question and the largest answer: 100,000 actors take 16 MB.
LOOK_LIMITS = Limits(frame_size=256)
ANSWER_LIMITS = Limits(frame_size=64 * 1024 * 1024)


@actor_messages(domain=Domain.SYSTEM)
class Watching:
    """The messages between a running node and who looks at it. Times are in nanoseconds."""

    class Look(TLV, type=100):
        """Asks for the state of the node; ``digest`` says how it will be read."""

        digest: u64

    class Refusal(TLV, type=101):
        """The node speaks otherwise: it is of another version."""

        digest: u64
        version: str

    class NodeState(TLV, type=102):
        """The node and its ledger. Counts are deliveries."""

        pid: u32
        balanced: bool
        seconds: f64
        resident_bytes: u64
        sent: u64
        handled: u64
        failed: u64
        dropped: u64
        dead_lettered: u64
        in_flight: u64
        mailbox_p50: u64
        mailbox_p99: u64
        name: str
        #: Which one it is, of a topology on several nodes; else empty.
        node: str
        profile: str
        state: str
        tlv: str

    class ActorState(TLV, type=103):
        """One actor. ``capacity`` is how many may wait in its mailbox."""

        alive: bool
        waiting: u64
        waiting_max: u64
        capacity: u64
        handled: u64
        failed: u64
        dropped: u64
        dead_lettered: u64
        restarted: u64
        mailbox_p50: u64
        mailbox_p99: u64
        handling_p50: u64
        handling_p99: u64
        name: str

    class MessageState(TLV, type=104):
        """One row of the ledger."""

        sent: u64
        handled: u64
        failed: u64
        dropped: u64
        dead_lettered: u64
        in_flight: u64
        kind: u32
        name: str

    class EdgeState(TLV, type=105):
        """How many messages of a type an actor has emitted to another."""

        sent: u64
        sender: str
        receiver: str
        message: str

    class FailureState(TLV, type=106):
        """An actor that failed, and of what."""

        actor: str
        text: str

    class Crowded(TLV, type=107):
        """So many look already that nobody else is taken."""

        looking: u64

    class StreamState(TLV, type=108):
        """How many messages of a type went over a stream: ``is_sent`` from this node, or else delivered at this one."""

        count: u64
        kind: u32
        is_sent: bool
        sender: str
        receiver: str
        message: str

    class SourceState(TLV, type=109):
        """How far a source came, of ``total``, where that is known."""

        done: u64
        total: u64
        is_total_known: bool
        actor: str
        label: str
        state: str

    class PlaceState(TLV, type=110):
        """A node of the topology, be it this one or another, and the host on which it is to run; empty for this host."""

        name: str
        host: str


#: By which both sides know that they read the same bytes alike.
DIGEST = int(message_set(Watching).digest[:16], 16)
