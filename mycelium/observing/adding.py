"""What several nodes say about themselves, added up: as the report of all at the end does it."""

from __future__ import annotations

from collections.abc import Sequence

from mycelium.cluster.merging import add_up
from mycelium.ledger.report import (
    ActorCounts,
    ActorFailure,
    MessageCounts,
    Report,
    SourceProgress,
    StreamCounts,
    Times,
)

from .messages import Watching
from .snapshot import Snapshot

__all__ = ["is_stream", "report_of", "report_of_all"]


def is_stream(name: str) -> bool:
    """Whether a row of a node's ledger is of what goes to another node, and not of an actor."""
    return " -> " in name  # which no actor is called


def report_of_all(topology: str, snapshots: Sequence[Snapshot]) -> Report:
    """One report of what these nodes said; ``lost`` in it is what was under way between them, or is lost."""
    reports = [report_of(snapshot) for snapshot in snapshots]
    actors = [row.actor for report in reports for row in report.actors if not is_stream(row.actor)]
    seconds = max((report.seconds for report in reports), default=0.0)
    return add_up(topology, actors, reports, seconds=seconds, here=set(actors))


def report_of(snapshot: Snapshot) -> Report:
    """What a node said, as its own report would have it."""
    node = snapshot.node
    return Report(
        topology=str(node.name),
        profile=str(node.profile) or None,
        state=str(node.state),
        seconds=node.seconds,
        messages=tuple(
            MessageCounts(
                message=str(row.name),
                type_id=row.kind,
                sent=row.sent,
                handled=row.handled,
                failed=row.failed,
                dropped=row.dropped,
                dead_lettered=row.dead_lettered,
                in_flight=row.in_flight,
            )
            for row in snapshot.messages
        ),
        actors=tuple(_actor_of(row) for row in snapshot.actors),
        sources=tuple(
            SourceProgress(
                actor=str(row.actor),
                label=str(row.label),
                done=row.done,
                total=row.total if row.is_total_known else None,
                state=str(row.state),
            )
            for row in snapshot.sources
        ),
        hand_off=_times(node.mailbox_p50, node.mailbox_p99),
        resident_bytes=node.resident_bytes,
        peak_bytes=node.resident_bytes,
        balanced=node.balanced,
        failures=tuple(_failure_of(row) for row in snapshot.failures),
        streams=tuple(
            StreamCounts(
                sender=str(row.sender),
                receiver=str(row.receiver),
                message=str(row.message),
                type_id=row.kind,
                what="sent" if row.is_sent else "delivered",
                count=row.count,
            )
            for row in snapshot.streams
        ),
    )


def _actor_of(row: Watching.ActorState) -> ActorCounts:
    return ActorCounts(
        actor=str(row.name),
        alive=row.alive,
        handled=row.handled,
        failed=row.failed,
        waiting=row.waiting,
        waiting_max=row.waiting_max,
        dropped=row.dropped,
        dead_lettered=row.dead_lettered,
        restarted=row.restarted,
        in_mailbox=_times(row.mailbox_p50, row.mailbox_p99),
        handling=_times(row.handling_p50, row.handling_p99),
    )


def _failure_of(row: Watching.FailureState) -> ActorFailure:
    """Its text begins with the code of what was declared, or with the name of the error."""
    error, colon, message = str(row.text).partition(": ")
    if error.startswith("[") or not colon:
        error, message = "", str(row.text)
    return ActorFailure(str(row.actor), error, message)


def _times(p50_ns: int, p99_ns: int) -> Times:
    """The count of samples is not told: some, where there is a time."""
    return Times(samples=int(p99_ns > 0), p50_us=p50_ns / 1000, p99_us=p99_ns / 1000, max_us=p99_ns / 1000)
