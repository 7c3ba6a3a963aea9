"""Runs one actor by itself, between what it is sent and what it emits."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mycelium.actor.actor import Actor
from mycelium.actor.context import ActorContext
from mycelium.actor.source import Source
from mycelium.contracts.contract import contract_of
from mycelium.contracts.handlers import handles
from mycelium.dispatcher.current import settle
from mycelium.errors.actor import DeadActorError
from mycelium.errors.node import ActorStuckError
from mycelium.ledger.ledger import Ledger, LedgerReading
from mycelium.routing.route_plan import plan_routes
from mycelium.routing.router import connect
from mycelium.venues import Venue, VenueTable
from tlv import TLV

__all__ = ["ActorRun", "run_actor"]

A = TypeVar("A", bound=Actor)


@dataclass(frozen=True, slots=True)
class ActorRun(Generic[A]):
    """An actor after its life: its state, what it emitted, in order, and the ledger."""

    actor: A
    emitted: list[TLV]
    ledger: LedgerReading


def run_actor(
    actor_class: type[A],
    messages: Iterable[Any] = (),
    *,
    config: Any = None,
    venues: Iterable[Venue] = (),
    may_fail: bool = False,
    timeout: float = 30.0,
) -> ActorRun[A]:
    """Start an actor, tell it ``messages``, wait until a source is exhausted, and stop it.

    It lives as in a topology, in a thread of its own; ``on_stop`` has run when this returns. Where it
    failed, its exception is raised, unless it ``may_fail``: then see ``actor.failure``. Raises
    `ActorStuckError` when it does not end within ``timeout`` seconds.
    """
    context = ActorContext(name=actor_class.__name__, node="test", venues=VenueTable(venues))
    actor = actor_class.create(*(() if config is None else (config,)), context=context)
    emitted: list[TLV] = []
    actors: dict[str, Actor] = {"actor": actor}
    emits = contract_of(actor_class).emits
    if emits:

        class Collector(Actor, receives=emits):
            @handles
            def on_message(self, message: TLV) -> None:
                emitted.append(message)

        actors["collector"] = Collector.create()
    listens = {"actor": (), "collector": ("actor",)}
    connect(actors, plan_routes({name: type(one) for name, one in actors.items()}, listens=listens))
    for one in reversed(actors.values()):
        one.launch()
    try:
        for message in messages:
            # A dead letter, which the ledger counts; why it died is told below.
            with suppress(DeadActorError):
                actor.actor_ref.tell(message)
        if isinstance(actor, Source):
            settle()
            actor.finished.wait(timeout)
    finally:
        for one in actors.values():
            _end(one, timeout)
    if actor.failure is not None and not may_fail:
        raise actor.failure
    return ActorRun(actor, emitted, Ledger(actors.values()).read())


def _end(actor: Actor, timeout: float) -> None:
    if actor.actor_ref.is_alive():
        actor.actor_ref.stop(block=False)
    settle()
    if not actor.ended.wait(timeout):
        raise ActorStuckError(actor=actor.name, seconds=timeout, waiting=len(actor.mailbox))
