"""Faults that are injected into a simulation: each is seen, each is counted, and none is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, ActorRef, Batch, Ledger, handles
from mycelium.errors import AskTimeoutError, DeadActorError, InjectedFaultError, SimulationError
from mycelium.testing import Fault, FaultPlan, Simulation
from tlv import TLV, i64


class Tick(TLV, type=1000):
    number: i64


class Tock(TLV, type=1001):
    number: i64


class Keeper(Actor, receives=(Tick, Tock)):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.hooks: list[str] = []

    @handles
    def on_any(self, message: Tick | Tock) -> int:
        self.numbers.append(message.number)
        return message.number

    def on_failure(self, *info: Any) -> None:
        self.hooks.append("failed")

    def on_stop(self) -> None:
        self.hooks.append("stopped")


class Batching(Actor, receives=Tick):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    @handles(batch=True)
    def on_ticks(self, ticks: Batch[Tick]) -> None:
        self.sizes.append(len(ticks))


def started(kind: type[Actor] = Keeper, name: str = "keeper") -> tuple[Any, ActorRef[Any]]:
    actor = kind.create(context=ActorContext(name=name))
    return actor, actor.launch()


def tell(ref: ActorRef[Any], count: int) -> None:
    for number in range(1, count + 1):
        ref.tell(Tick(number=number))


def test_a_handler_fails_at_the_message_that_was_planned() -> None:
    faults = FaultPlan().fail("keeper", at=3)
    with Simulation(faults=faults) as simulation, capture_logs() as logs:
        actor, ref = started()
        tell(ref, 5)
        simulation.run()
        assert actor.numbers == [1, 2]
        assert isinstance(actor.failure, InjectedFaultError)
        assert str(actor.failure).startswith("[ACT-048] keeper was to fail at message 3, Tick")
        total = Ledger([actor]).read().total
        assert (total.sent, total.handled, total.failed, total.dead_lettered) == (5, 3, 1, 2)
        assert actor.hooks == ["failed"]
    assert faults.happened == [Fault("fail", "keeper", 3)]
    assert faults.left == ()
    assert logs[0]["event"] == "actor failed"


def test_it_raises_what_the_plan_says_also_to_whoever_asks() -> None:
    with Simulation(faults=FaultPlan().fail("keeper", at=1, error=OSError("no disk"))):
        _, ref = started()
        with pytest.raises(OSError, match="no disk"):
            ref.ask(Tick(number=1), timeout=1)
        assert ref.ask(Tick(number=2), timeout=1) == 2


def test_a_batch_handler_fails_too() -> None:
    with Simulation(faults=FaultPlan().fail("batching", at=1)) as simulation:
        actor, ref = started(Batching, "batching")
        tell(ref, 4)
        simulation.run()
        assert isinstance(actor.failure, InjectedFaultError)
        assert (actor.sizes, Ledger([actor]).read().total.failed) == ([], 4)


def test_a_killed_actor_ends_without_a_hook_and_its_mail_is_dead() -> None:
    with Simulation(faults=FaultPlan().kill("keeper", at=2)) as simulation:
        actor, ref = started()
        tell(ref, 5)
        simulation.run()
        assert not ref.is_alive()
        assert (actor.numbers, actor.hooks) == ([1], [])
        assert isinstance(actor.failure, InjectedFaultError)
        reading = Ledger([actor]).read()
        assert (reading.total.handled, reading.total.dead_lettered) == (1, 4)
        assert reading.balanced
        with pytest.raises(DeadActorError):
            ref.tell(Tick(number=6))


def test_a_delayed_message_holds_up_those_behind_it_in_virtual_time() -> None:
    with Simulation(faults=FaultPlan().delay("keeper", at=2, seconds=1.5)) as simulation:
        actor, ref = started()
        tell(ref, 4)
        simulation.advance(1.0)
        assert actor.numbers == [1]
        reading = Ledger([actor]).read()
        assert (reading.balanced, reading.total.in_flight) == (True, 3)
        tell(ref, 1)
        simulation.advance(0.5)
        assert actor.numbers == [1, 2, 3, 4, 1]


def test_a_dropped_message_is_counted_and_an_ask_of_it_times_out() -> None:
    with Simulation(faults=FaultPlan().drop("keeper", at=2).drop("keeper", at=4)) as simulation:
        actor, ref = started()
        tell(ref, 3)
        simulation.run()
        assert actor.numbers == [1, 3]
        with pytest.raises(AskTimeoutError, match=r"within 5.0 s"):
            ref.ask(Tick(number=4), timeout=5.0)
        assert simulation.now == 5
        reading = Ledger([actor]).read()
        assert (reading.total.handled, reading.total.dropped, reading.balanced) == (2, 2, True)


def test_a_fault_may_be_about_one_type_of_message_and_one_actor_of_a_name() -> None:
    faults = FaultPlan().drop("keeper#2", at=2, message=Tock)
    with Simulation(faults=faults) as simulation:
        keepers = [started() for _ in range(2)]
        for _, ref in keepers:
            for number in range(1, 4):
                ref.tell(Tick(number=number))
                ref.tell(Tock(number=-number))
        simulation.run()
        assert [actor.numbers for actor, _ in keepers] == [[1, -1, 2, -2, 3, -3], [1, -1, 2, 3, -3]]


def test_what_did_not_come_to_pass_is_told() -> None:
    faults = FaultPlan().kill("nobody", at=1).drop("keeper", at=9)
    with Simulation(faults=faults) as simulation:
        tell(started()[1], 3)
        simulation.run()
    assert faults.left == (Fault("kill", "nobody", 1), Fault("drop", "keeper", 9))


def test_the_end_of_a_simulation_is_without_faults() -> None:
    with Simulation(faults=FaultPlan().delay("keeper", at=1, seconds=100).kill("keeper", at=2)) as simulation:
        actor, ref = started()
        tell(ref, 3)
        simulation.run()
        assert actor.numbers == []
    assert (actor.numbers, actor.hooks) == ([1, 2, 3], ["stopped"])


@pytest.mark.parametrize("wrong", [{"at": 0}, {"at": 1, "seconds": -1.0}])
def test_a_fault_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SimulationError, match="cannot have the fault"):
        FaultPlan().delay("keeper", **{"seconds": 1.0, **wrong})


def test_probabilities_that_cannot_be_are_refused() -> None:
    with pytest.raises(SimulationError, match="probabilities"):
        FaultPlan.at_random(1, fail=0.7, drop=0.7)


def soak(seed: int) -> tuple[Any, ...]:
    """Some actors that pass messages on, with anything going wrong now and then."""
    faults = FaultPlan.at_random(seed, fail=0.01, kill=0.005, delay=0.05, drop=0.05, delay_s_max=2.0)
    with Simulation(seed=seed, faults=faults) as simulation, capture_logs():
        actors = [started(name=f"keeper{number}") for number in range(8)]
        for number in range(60):
            for _, ref in actors:
                if ref.is_alive():
                    ref.tell(Tick(number=number))
            simulation.advance(0.1)
        simulation.advance(100.0)
        reading = Ledger(actor for actor, _ in actors).read()
        assert reading.balanced
        assert reading.total.in_flight == 0
        assert reading.total.dropped == sum(fault.action == "drop" for fault in faults.happened)
        assert reading.total.failed == sum(fault.action == "fail" for fault in faults.happened)
        return simulation.schedule, tuple(faults.happened), reading.rows


@pytest.mark.parametrize("seed", range(5))
def test_under_random_faults_the_ledger_balances_and_the_same_seed_repeats_all(seed: int) -> None:
    assert soak(seed) == soak(seed)


def test_random_faults_are_of_all_kinds_and_others_with_another_seed() -> None:
    runs = [soak(seed)[1] for seed in range(5)]
    assert {fault.action for run in runs for fault in run} == {"fail", "kill", "delay", "drop"}
    assert len({tuple(run) for run in runs}) == 5
