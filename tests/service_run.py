"""Runs one service with given messages; like `run_actor`, but a service that fails is looked at, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from mycelium import Actor, LedgerReading, Venue
from mycelium.testing import run_actor
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
    run = run_actor(service, messages, config=config, venues=venues, may_fail=True)
    return ServiceRun(run.actor, run.emitted, run.ledger)
