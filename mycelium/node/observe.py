"""Reads counters, progress and failures off running actors into a `Report`."""

from __future__ import annotations

from collections.abc import Mapping

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.errors.node import ActorStartError
from mycelium.ledger.latency import Latency
from mycelium.ledger.ledger import Ledger
from mycelium.ledger.memory import peak_bytes, resident_bytes
from mycelium.ledger.report import (
    ActorCounts,
    ActorFailure,
    MessageCounts,
    OverflowCounts,
    Report,
    SourceProgress,
    Times,
)
from mycelium.texts import text_of
from mycelium.topology import ResolvedTopology
from tlv import DeclaredError, TLVError

__all__ = ["failure_of", "observe", "start_error", "summaries_of"]


def observe(
    topology: ResolvedTopology,
    actors: Mapping[str, Actor],
    ledger: Ledger,
    *,
    state: str,
    seconds: float,
    stuck: tuple[ActorFailure, ...],
    summaries: Mapping[str, str],
) -> Report:
    """A report of this moment."""
    reading = ledger.read()
    died = (failure_of(actor) for actor in actors.values())
    return Report(
        topology=topology.name,
        profile=topology.profile,
        state=state,
        seconds=seconds,
        messages=tuple(
            MessageCounts(
                message=row.message,
                type_id=row.type_id,
                sent=row.sent,
                handled=row.handled,
                failed=row.failed,
                dropped=row.dropped,
                dead_lettered=row.dead_lettered,
                in_flight=row.in_flight,
            )
            for row in reading.rows
        ),
        actors=tuple(
            ActorCounts(
                actor=row.name,
                alive=row.alive,
                handled=row.handled,
                failed=row.failed,
                waiting=row.waiting,
                waiting_max=row.waiting_max,
                dropped=row.dropped,
                dead_lettered=row.dead_lettered,
                restarted=row.restarted,
                in_mailbox=_times_of(times.in_mailbox),
                handling=_times_of(times.handling),
            )
            for row, times in zip(reading.actors, ledger.times(), strict=True)
        ),
        sources=tuple(_progress_of(actor) for actor in actors.values() if isinstance(actor, Source)),
        hand_off=_times_of(ledger.latency()),
        resident_bytes=resident_bytes(),
        peak_bytes=peak_bytes(),
        balanced=reading.balanced,
        unrouted=dict(reading.unrouted),
        failures=(*(failure for failure in died if failure is not None), *stuck),
        summaries=summaries,
        overflows=tuple(
            OverflowCounts(actor=row.actor, message=row.message, what=row.what, count=row.count)
            for row in reading.overflows
        ),
    )


def _times_of(latency: Latency) -> Times:
    return Times(latency.samples, latency.p50_ns / 1000, latency.p99_ns / 1000, latency.max_ns / 1000)


def failure_of(actor: Actor) -> ActorFailure | None:
    """What killed the actor, or None."""
    error = actor.failure
    if error is None:
        return None
    return ActorFailure(
        actor=actor.name,
        error=type(error).__name__,
        message=text_of(error),
        by_input=_is_the_inputs(actor, error),
    )


def _is_the_inputs(actor: Actor, error: BaseException) -> bool:
    """Whether a failure is the fault of what was read: an error that an application has declared, or bytes in a source.

    A `TLVError` in a handler is a message that could not be made: the handler's own fault.
    """
    if isinstance(error, TLVError):
        return isinstance(actor, Source)
    return isinstance(error, DeclaredError) and not type(error).__module__.startswith("mycelium.")


def summaries_of(actors: Mapping[str, Actor]) -> dict[str, str]:
    """What the actors that ended well say about their work (their ``summary()``)."""
    found: dict[str, str] = {}
    for name, actor in actors.items():
        if actor.failure is not None or not actor.ended.is_set():
            continue
        try:
            said = actor.summary()
        except (Exception, SystemExit) as error:
            actor.log.error("summary failed", exc_info=error)
            continue
        if said:
            found[name] = text_of(said)
    return found


def _progress_of(source: Source) -> SourceProgress:
    progress = source.progress
    untold = not progress.done and not progress.label
    return SourceProgress(
        actor=source.name,
        label="messages" if untold else progress.label,
        done=source.emitted if untold else progress.done,
        total=progress.total,
        state=_state_of(source),
        refused=dict(source.refused or {}),
    )


def _state_of(source: Source) -> str:
    if source.failure is not None:
        return "failed"
    if source.exhausted:
        return "finished"
    if not source.mailbox.started:
        return "not started"
    return "stopped" if source.finished.is_set() else "running"


def start_error(name: str, kind: type[Actor], error: BaseException) -> DeclaredError:
    """What to raise for what an actor raised when it was to begin."""
    if isinstance(error, DeclaredError):
        error.add_note(f"while {name} ({kind.__qualname__}) was started")
        return error
    return ActorStartError(actor=name, kind=kind.__qualname__, cause=f"{type(error).__name__}: {text_of(error)}")
