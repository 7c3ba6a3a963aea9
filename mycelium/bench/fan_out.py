"""The contest over fan-out: what a delivery costs where one actor emits to many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Event
from time import perf_counter

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.routing.router import connect, plan_routes
from tlv import TLV
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant
from .messages import VALUES
from .telling import Counter

__all__ = ["ONE_RECEIVER", "RECEIVERS", "fan_out"]

#: A bench that hangs must not hang its user.
PATIENCE_S = 300.0

RECEIVERS = (1, 10, 100)
ONE_RECEIVER = "mycelium, 1 receiver"


class Feed(Source, emits=TradeTLV):
    """Makes as many trades as it was told."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def produce(self) -> Iterator[TLV]:
        """Make them."""
        for _ in range(self.count):
            yield TradeTLV(*VALUES)


def fan_out() -> Contest:
    """All receivers are on one dispatcher."""
    return Contest(
        name="fan_out",
        question="What does a delivery cost, from a source to the end of a handler, among so many receivers?",
        contestants=tuple(
            Contestant(f"mycelium, {number} receiver{'s' * (number > 1)}", partial(_emitting, number), ours=True)
            for number in RECEIVERS
        ),
        references=(ONE_RECEIVER,),
        count=100_000,
        rounds=4,
        note="per delivery, that is, emissions times receivers; the making of a message is part of the first",
    )


def _emitting(receivers: int) -> partial[tuple[float]]:
    return partial(_emitted, receivers)


def _emitted(receivers: int, count: int) -> tuple[float]:
    emissions = max(1, count // receivers)
    done = [Event() for _ in range(receivers)]
    actors: dict[str, Actor] = {"feed": Feed.create(emissions)}
    actors |= {f"reader {number}": Counter.create(emissions, one) for number, one in enumerate(done)}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    for name in reversed(actors):
        if name != "feed":
            actors[name].launch()
    try:
        started = perf_counter()
        actors["feed"].launch()
        counted = all(one.wait(PATIENCE_S) for one in done)
        seconds = perf_counter() - started
    finally:
        for actor in actors.values():
            if actor.mailbox.started:
                actor.actor_ref.stop()
    if not counted:
        msg = f"{receivers} receivers have not counted {emissions:,} messages within {PATIENCE_S:g} s"
        raise TimeoutError(msg)
    return (seconds / (emissions * receivers),)
