"""The contest over hops: from the send in one actor to the handler of another, message by message."""

from __future__ import annotations

from threading import Event
from time import perf_counter

from mycelium.actor.actor import Actor
from mycelium.actor.context import ActorContext
from mycelium.contracts.handlers import handles
from mycelium.dispatcher.pinned import PINNED
from mycelium.routing.router import connect, plan_routes
from tlv.market_data import TradeTLV

from .asking import P50, P99, PATIENCE_S, handed_over, quantiles
from .contest import Contest, Contestant
from .messages import VALUES

__all__ = ["CHAIN", "HAND_OFF", "PINNED_HOP", "hops"]

CHAIN = "mycelium, in a chain of three"
PINNED_HOP = "mycelium, two pinned"
HAND_OFF = "a lock, between two threads"

#: 100,000 messages a second.
PERIOD_S = 10e-6


class Hop(Actor, receives=TradeTLV, emits=TradeTLV):
    """Passes on what it gets."""

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Pass it on."""
        self.emit(trade)


class Pacer(Actor, receives=TradeTLV, emits=TradeTLV):
    """The end of a chain, and its beginning: takes the time, and sends the next one when it is due."""

    def __init__(self, count: int, actors: int, period_s: float, done: Event) -> None:
        super().__init__()
        self.left = count
        self.actors = actors
        self.period_s = period_s
        self.done = done
        self.taken: list[float] = []
        self.due = perf_counter()
        self.sent_at = 0.0

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Note what a hop took."""
        if self.sent_at:
            self.taken.append((perf_counter() - self.sent_at) / self.actors)
            self.left -= 1
        if self.left <= 0:
            self.done.set()
            return
        now = perf_counter()
        self.due = max(self.due + self.period_s, now)
        while now < self.due:
            now = perf_counter()
        self.sent_at = now
        self.emit(trade)


def hops() -> Contest:
    """One message at a time."""
    return Contest(
        name="hops",
        question="How long does a message take from one actor to the next?",
        contestants=(
            Contestant(CHAIN, lambda: lambda count: _passed(count, 3, PERIOD_S), ours=True),
            Contestant(PINNED_HOP, lambda: lambda count: _passed(count, 2, 0.0, dispatcher=PINNED), ours=True),
            Contestant(HAND_OFF, lambda: _handed_over),
        ),
        references=(HAND_OFF,),
        figures=(P50, P99),
        count=1_000,
        rounds=7,
        note="the chain is on one dispatcher, 100,000 messages a second are sent through it, each when it is due but not "
        "before the last one is through; of pinned actors and the lock it is half the time there and back",
    )


def _passed(count: int, actors: int, period_s: float, dispatcher: str = "") -> tuple[float, float]:
    """A ring of actors, around which goes one message."""
    done = Event()
    pacer = Pacer.create(count, actors, period_s, done, context=ActorContext(dispatcher=dispatcher))
    ring: dict[str, Actor] = {"pacer": pacer}
    ring |= {f"hop {n}": Hop.create(context=ActorContext(dispatcher=dispatcher)) for n in range(1, actors)}
    names = tuple(ring)
    before = dict(zip(names, (names[-1], *names[:-1]), strict=True))
    connect(ring, plan_routes({name: type(actor) for name, actor in ring.items()}, {n: (before[n],) for n in names}))
    for actor in ring.values():
        actor.launch()
    try:
        pacer.actor_ref.tell(TradeTLV(*VALUES))
        if not done.wait(PATIENCE_S):
            msg = f"{count:,} messages have not gone around within {PATIENCE_S:g} s"
            raise TimeoutError(msg)
    finally:
        for actor in ring.values():
            actor.actor_ref.stop()
    return quantiles(pacer.taken)


def _handed_over(count: int) -> tuple[float, float]:
    there_and_back = handed_over(count)
    return there_and_back[0] / 2, there_and_back[1] / 2
