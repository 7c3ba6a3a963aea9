"""The state of a node as a frame of messages, and back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mycelium.contracts.message_sets import message_set
from tlv import TLV, FrameWriter, read_frame

from .messages import ANSWER_LIMITS, DIGEST, Watching

if TYPE_CHECKING:
    from mycelium.node import Node

__all__ = ["Snapshot", "edge_rates", "frame_of", "read_snapshot", "refusal"]

_MESSAGES = message_set(Watching).messages


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a node said about itself in one moment."""

    node: Watching.NodeState
    actors: tuple[Watching.ActorState, ...]
    messages: tuple[Watching.MessageState, ...]
    edges: tuple[Watching.EdgeState, ...]
    failures: tuple[Watching.FailureState, ...]
    sources: tuple[Watching.SourceState, ...] = ()
    streams: tuple[Watching.StreamState, ...] = ()
    #: All nodes of the topology, where it has several.
    places: tuple[Watching.PlaceState, ...] = ()

    @property
    def profile(self) -> str:
        """The profile that runs; empty for none."""
        return str(self.node.profile)

    @property
    def seconds(self) -> float:
        """How long the node has run."""
        return self.node.seconds

    def to_dict(self) -> dict[str, Any]:
        """For a machine: `mycelium top --json` prints it."""
        parts = {
            "actors": self.actors,
            "messages": self.messages,
            "edges": self.edges,
            "failures": self.failures,
            "sources": self.sources,
            "streams": self.streams,
        }
        return self.node.to_dict() | {name: [one.to_dict() for one in part] for name, part in parts.items()}


def frame_of(node: Node) -> bytes:
    """What ``node`` has to say now."""
    report = node.report()
    writer = FrameWriter(limits=ANSWER_LIMITS)
    total = report.total
    writer.append(
        Watching.NodeState(
            pid=os.getpid(),
            balanced=report.balanced,
            seconds=report.seconds,
            resident_bytes=report.resident_bytes,
            sent=total.sent,
            handled=total.handled,
            failed=total.failed,
            dropped=total.dropped,
            dead_lettered=total.dead_lettered,
            in_flight=max(0, total.in_flight),
            mailbox_p50=_ns(report.hand_off.p50_us),
            mailbox_p99=_ns(report.hand_off.p99_us),
            name=report.topology,
            node=node.node,
            profile=report.profile or "",
            state=report.state,
            tlv=report.tlv,
        )
    )
    capacities = {name: actor.mailbox.capacity for name, actor in tuple(node._actors.items())}
    for actor in report.actors:
        writer.append(
            Watching.ActorState(
                alive=actor.alive,
                waiting=actor.waiting,
                waiting_max=actor.waiting_max,
                capacity=capacities.get(actor.actor, 0),
                handled=actor.handled,
                failed=actor.failed,
                dropped=actor.dropped,
                dead_lettered=actor.dead_lettered,
                restarted=actor.restarted,
                mailbox_p50=_ns(actor.in_mailbox.p50_us),
                mailbox_p99=_ns(actor.in_mailbox.p99_us),
                handling_p50=_ns(actor.handling.p50_us),
                handling_p99=_ns(actor.handling.p99_us),
                name=actor.actor,
            )
        )
    for row in report.messages:
        writer.append(
            Watching.MessageState(
                sent=row.sent,
                handled=row.handled,
                failed=row.failed,
                dropped=row.dropped,
                dead_lettered=row.dead_lettered,
                in_flight=max(0, row.in_flight),
                kind=row.type_id,
                name=row.message,
            )
        )
    for edge, sent in node.read_edges():
        writer.append(
            Watching.EdgeState(sent=sent, sender=edge.sender, receiver=edge.receiver, message=edge.message.__name__)
        )
    for failure in report.failures:
        writer.append(Watching.FailureState(actor=failure.actor, text=failure.text))
    for source in report.sources:
        writer.append(
            Watching.SourceState(
                done=source.done,
                total=source.total or 0,
                is_total_known=source.total is not None,
                actor=source.actor,
                label=source.label,
                state=source.state,
            )
        )
    for stream in report.streams:
        writer.append(
            Watching.StreamState(
                count=stream.count,
                kind=stream.type_id,
                is_sent=stream.what == "sent",
                sender=stream.sender,
                receiver=stream.receiver,
                message=stream.message,
            )
        )
    for name, host in node.places.items():
        writer.append(Watching.PlaceState(name=name, host=host))
    return bytes(writer.finish())


def refusal() -> bytes:
    """What a node says to who reads otherwise."""
    from importlib.metadata import version

    writer = FrameWriter()
    writer.append(Watching.Refusal(digest=DIGEST, version=version("mycelium-actors")))
    return bytes(writer.finish())


def crowded(looking: int) -> bytes:
    """What a node says to whom it does not take."""
    writer = FrameWriter()
    writer.append(Watching.Crowded(looking=looking))
    return bytes(writer.finish())


def read_snapshot(frame: bytes) -> Snapshot | Watching.Refusal | Watching.Crowded:
    """What a node answered. Raises a `TLVError` for what is no frame, ``ValueError`` where the node is missing in it."""
    read: dict[type[TLV], list[Any]] = {kind: [] for kind in _MESSAGES}
    for message in read_frame(frame, messages=_MESSAGES, limits=ANSWER_LIMITS):
        message.validate()
        read[type(message)].append(message)
    for other in (Watching.Refusal, Watching.Crowded):
        if read[other]:
            return read[other][0]  # type: ignore[no-any-return]
    if len(read[Watching.NodeState]) != 1:
        msg = f"it describes {len(read[Watching.NodeState])} nodes"
        raise ValueError(msg)
    return Snapshot(
        node=read[Watching.NodeState][0],
        actors=tuple(read[Watching.ActorState]),
        messages=tuple(read[Watching.MessageState]),
        edges=tuple(read[Watching.EdgeState]),
        failures=tuple(read[Watching.FailureState]),
        sources=tuple(read[Watching.SourceState]),
        streams=tuple(read[Watching.StreamState]),
        places=tuple(read[Watching.PlaceState]),
    )


def edge_rates(first: Snapshot, second: Snapshot) -> dict[tuple[str, str, str], float]:
    """Messages per second over each edge between two looks at one node, by sender, receiver and message.

    What goes to other nodes and comes from them is in it, too.
    """
    passed = second.node.seconds - first.node.seconds
    before = _edges(first)
    if passed <= 0:
        return dict.fromkeys(before, 0.0)
    return {edge: max(0.0, (sent - before.get(edge, 0)) / passed) for edge, sent in _edges(second).items()}


def _edges(snapshot: Snapshot) -> dict[tuple[str, str, str], int]:
    edges = {(str(one.sender), str(one.receiver), str(one.message)): one.sent for one in snapshot.edges}
    return edges | {(str(one.sender), str(one.receiver), str(one.message)): one.count for one in snapshot.streams}


def _ns(microseconds: float) -> int:
    return round(microseconds * 1000)
