"""The contest over who looks at a node: metrics that are scraped, and `mycelium top`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

from mycelium.node import Node
from mycelium.topology import Topology
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .messages import VALUES
from .telling import PATIENCE_S, Counter, timed

__all__ = ["LOOKED_AT", "UNSEEN", "observing"]

LOOKED_AT = "metrics scraped, top attached"
UNSEEN = "nobody looks"

#: Prometheus scrapes each 15 s by default, and `mycelium top` looks each second.
_LOOK_S = 0.25

Look = Callable[[], object]


def observing() -> Contest:
    """The messages of the contest over `tell`, in a node that is looked at and in one that is not."""
    return Contest(
        name="observing",
        question="What do metrics that are scraped, and who watches the node, add to a message?",
        contestants=(
            Contestant(LOOKED_AT, lambda: _telling(_scraping(), _describing()), ours=True),
            Contestant("metrics scraped", lambda: _telling(_scraping()), ours=True),
            Contestant(UNSEEN, _telling),
        ),
        references=(UNSEEN,),
        count=400_000,
        rounds=9,
        note="looked at when a round begins and each 250 ms, where Prometheus scrapes each 15 s and `mycelium top` looks each second",
    )


class Watched(Counter):
    """The counter as a node makes it."""

    def __init__(self) -> None:
        super().__init__(0, Event())


def _scraping() -> Callable[[Node], Look]:
    from prometheus_client import CollectorRegistry, generate_latest

    from mycelium.observing.metrics import NodeCollector

    def look_at(node: Node) -> Look:
        registry = CollectorRegistry()
        registry.register(NodeCollector(node))
        return lambda: generate_latest(registry)

    return look_at


def _describing() -> Callable[[Node], Look]:
    from mycelium.observing.snapshot import frame_of

    return lambda node: lambda: frame_of(node)


def _telling(*lookers: Callable[[Node], Look]) -> Measure:
    def tell_all(count: int) -> tuple[float]:
        price, quantity, timestamp, venue_id = VALUES
        done = Event()
        with Node(Topology(name="observing", actors={"counter": Watched})) as node:
            counter = node._actors["counter"]
            assert isinstance(counter, Watched)
            counter.left, counter.done = count, done
            ref = counter.actor_ref

            def produce() -> None:
                tell = ref.tell
                for _ in range(count):
                    tell(TradeTLV(price, quantity, timestamp, venue_id))

            with _looking([look_at(node) for look_at in lookers]):
                return timed(produce, partial(done.wait, PATIENCE_S), count, ref.stop)

    return tell_all


@contextmanager
def _looking(looks: list[Look]) -> Iterator[None]:
    """Meanwhile another thread looks again and again."""
    over = Event()

    def look() -> None:
        while looks:
            for one in looks:
                one()
            if over.wait(_LOOK_S):
                return

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
