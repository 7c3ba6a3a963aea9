"""Testing actors: a probe, a simulation with a virtual clock and a seed, and a fault that is planned.

Run it with: python examples/testing_an_actor.py
"""

from __future__ import annotations

from collections.abc import Iterator

from mycelium import Actor, Domain, Ledger, Source, actor_messages, handles
from mycelium.testing import FaultPlan, Probe, Simulation, run_actor
from tlv import TLV, i64


@actor_messages(domain=Domain.USER)
class Market:
    """What goes round here."""

    class Trade(TLV, type=1000):
        """A price that somebody paid."""

        price: i64

    class Bar(TLV, type=1001):
        """The highest and the lowest price of three trades."""

        high: i64
        low: i64


class Feed(Source, emits=Market.Trade):
    """A trade a minute."""

    def produce(self) -> Iterator[TLV]:
        """Wait, then yield."""
        for price in (100, 103, 98, 101, 102, 99):
            if self.pause(60.0):
                return
            yield Market.Trade(price=price)


class Bars(Actor, receives=Market.Trade, emits=Market.Bar):
    """A bar of each three trades."""

    def __init__(self) -> None:
        super().__init__()
        self.prices: list[int] = []

    @handles
    def on_trade(self, trade: Market.Trade) -> None:
        """Take a price, and at the third one tell the bar."""
        self.prices.append(trade.price)
        if len(self.prices) == 3:
            self.emit(Market.Bar(high=max(self.prices), low=min(self.prices)))
            self.prices.clear()


def main() -> None:
    """Test the actors above in four ways."""
    done = run_actor(Bars, [Market.Trade(price=price) for price in (5, 7, 6)])
    print("one actor by itself:", done.emitted)

    with Probe(Market.Bar) as probe:
        bars = probe.around(Bars)
        for price in (5, 7, 6):
            bars.tell(Market.Trade(price=price))
        print("a probe got", probe.expect(Market.Bar, where=lambda bar: bar.high == 7))
        try:
            probe.expect(Market.Bar, timeout=0.05)
        except AssertionError as missing:
            print("and then:", missing)

    with Simulation(seed=1) as simulation, Probe(Market.Trade) as probe:
        probe.around(Feed)
        simulation.advance(3600.0)
        print(f"an hour of the feed, in no time: {len(probe.received)} trades at {simulation.now:.0f} s")

    def interleaving(simulation: Simulation) -> tuple[str, ...]:
        with simulation:
            refs = [Bars.start() for _ in range(3)]
            for ref in refs:
                ref.tell(Market.Trade(price=1))
            simulation.run()
        return simulation.schedule

    recorded = interleaving(Simulation(seed=4))
    print("the same seed, the same turns:", interleaving(Simulation(seed=4)) == recorded)
    print("another seed, other turns:", interleaving(Simulation(seed=5)) != recorded)
    print("replayed:", interleaving(Simulation.replay(recorded)) == recorded)

    with Simulation(faults=FaultPlan().drop("Bars", at=2)) as simulation:
        fragile = Bars.create()
        ref = fragile.launch()
        for price in (5, 7, 6):
            ref.tell(Market.Trade(price=price))
        simulation.run()
        row = Ledger([fragile]).read().total
        print(f"the ledger saw the fault: {row.sent} sent = {row.handled} handled + {row.dropped} dropped")


if __name__ == "__main__":
    main()
