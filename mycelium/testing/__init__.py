"""The test kit. It needs no test framework. ::

    from mycelium.testing import run_actor

    def test_a_bar_has_the_highest_and_the_lowest_price() -> None:
        done = run_actor(Bars, [Trade(price=7), Trade(price=5)], config=BarsConfig(trades=2))
        assert done.emitted == [Bar(high=7, low=5)]

`run_actor` runs one actor by itself. A `Probe` stands among actors and says what came. A `Simulation`
runs any number of them in the calling thread, on a virtual clock, in an order that a seed decides and
that can be repeated; a `FaultPlan` says what goes wrong in it. `mycelium.testing.strategies` makes
Hypothesis strategies from declarations. Logic that is worth many tests is better kept in a plain
class beside the actor, where no thread is in the way.
"""

from __future__ import annotations

from .actor_run import ActorRun, run_actor
from .faults import Fault, FaultPlan
from .probe import Probe
from .simulation import Simulation
from .virtual_clock import VirtualClock

__all__ = ["ActorRun", "Fault", "FaultPlan", "Probe", "Simulation", "VirtualClock", "run_actor"]
