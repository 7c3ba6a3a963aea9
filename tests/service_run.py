"""Runs one service between a source of given messages and an actor that collects what it emits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from mycelium import Actor, ActorContext, Ledger, LedgerReading, Source, connect, contract_of, handles, plan_routes
from mycelium.venues import Venue, VenueTable
from tlv import TLV

A = TypeVar("A", bound=Actor)


class ServiceRun(NamedTuple, Generic[A]):
    """A service after its life, what it emitted, and the ledger."""

    service: A
    emitted: list[TLV]
    ledger: LedgerReading


def run_service(
    service: type[A], messages: Sequence[TLV], config: Any = None, venues: Iterable[Venue] = ()
) -> ServiceRun[A]:
    """Start it, let it handle all messages, stop it."""
    contract = contract_of(service)
    context = ActorContext(name="service", node="test", venues=VenueTable(venues))

    class Given(Source, emits=contract.handled):
        def produce(self) -> Iterator[TLV]:
            return iter(messages)

    actors: dict[str, Actor] = {
        "given": Given.create(),
        "service": service.create(*([] if config is None else [config]), context=context),
    }
    collected: list[TLV] = []
    if contract.emits:

        class Collector(Actor, receives=contract.emits):
            @handles
            def on_message(self, message: TLV) -> None:
                collected.append(message)

        actors["collector"] = Collector.create()
    plan = plan_routes(
        {name: type(actor) for name, actor in actors.items()}, listens={"service": ["given"], "collector": ["service"]}
    )
    connect(actors, plan)
    for name in reversed(plan.upstream_first):
        actors[name].launch()
    given = actors["given"]
    assert isinstance(given, Source)
    assert given.finished.wait(30)
    for name in plan.upstream_first:
        actors[name].actor_ref.stop(timeout=30)
        assert actors[name].ended.wait(30)
    done = actors["service"]
    assert isinstance(done, service)
    return ServiceRun(done, collected, Ledger(actors.values()).read())
