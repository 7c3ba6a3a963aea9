"""Supervision in a simulation: pauses are paused mailboxes, and pass on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorRef, Backoff, Ledger, Source, Supervisor, handles
from mycelium.testing import FaultPlan, Simulation
from tlv import TLV, i64

DEADLINE = 30.0


class Job(TLV, type=1000):
    number: i64


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    with capture_logs():
        yield


class Adder(Actor, receives=Job):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @handles
    def on_job(self, job: Job) -> int:
        if job.number < 0:
            raise LookupError
        self.total += job.number
        return self.total


def test_a_pause_passes_on_the_virtual_clock_and_nobody_has_a_turn_in_it() -> None:
    with Simulation(seed=1) as simulation:
        ref = Supervisor(backoff=Backoff(first_s=10.0, jitter=0.0)).start(Adder)
        ref.tell(Job(number=-1))
        simulation.run()
        taken = len(simulation.schedule)
        ref.tell(Job(number=5))
        simulation.run()
        assert ref.mailbox.paused
        assert simulation.ready == ()
        simulation.advance(9.99)
        assert len(simulation.schedule) == taken
        assert len(ref.mailbox) == 2  # the job, and what has the actor made anew
        simulation.advance(0.01)
        assert not ref.mailbox.paused
        assert ref.ask(Job(number=1), timeout=DEADLINE) == 6
        assert simulation.now == 10.0


def test_an_ask_waits_for_the_end_of_the_pause() -> None:
    with Simulation() as simulation:
        ref = Supervisor(backoff=Backoff(first_s=2.0, jitter=0.0)).start(Adder)
        ref.tell(Job(number=-1))
        assert ref.ask(Job(number=3), timeout=DEADLINE) == 3
        assert simulation.now == 2.0


def test_the_end_of_a_simulation_ends_a_pause() -> None:
    with Simulation() as simulation:
        ref = Supervisor(backoff=Backoff(first_s=1e6, max_s=1e6)).start(Adder)
        actor: Any = ref._actor_weakref()
        ref.tell(Job(number=-1))
        ref.tell(Job(number=-1))
        ref.tell(Job(number=7))
        simulation.run()
        assert ref.mailbox.paused
    assert actor.ended.is_set()
    reading = Ledger([actor]).read()
    assert reading.balanced
    assert (reading.total.sent, reading.total.handled, reading.total.dead_lettered) == (3, 1, 2)


def turns(simulation: Simulation) -> tuple[tuple[str, ...], float]:
    """Three actors that fail at times, with chance in their pauses."""
    with simulation:
        supervisor = Supervisor("all-for-one", limit=1000)
        refs: list[ActorRef[Any]] = [supervisor.start(Adder) for _ in range(3)]
        for number in range(30):
            refs[number % 3].tell(Job(number=-1 if number % 7 == 0 else 1))
        simulation.run_until(lambda: not any(ref.mailbox.items for ref in refs))
        return simulation.schedule, simulation.now


def test_a_seed_repeats_pauses_and_turns() -> None:
    first = turns(Simulation(seed=4))
    assert first[1] > 0
    assert turns(Simulation(seed=4)) == first
    assert turns(Simulation.replay(first[0], seed=4)) == first
    assert turns(Simulation(seed=5))[1] != first[1]


def test_a_fault_is_tried_again_and_the_ledger_balances() -> None:
    faults = FaultPlan().fail("Adder", at=2)
    with Simulation(faults=faults) as simulation:
        ref = Supervisor(attempts=2).start(Adder)
        actor: Any = ref._actor_weakref()
        for number in (1, 2, 3):
            ref.tell(Job(number=number))
        simulation.advance(60.0)
        assert ref.ask(Job(number=0), timeout=DEADLINE) == 5
        assert ref.mailbox.tally.restarts == 1
        total = Ledger([actor]).read().total
        assert (total.sent, total.handled, total.dead_lettered) == (4, 4, 0)


def test_a_source_that_fails_in_its_own_pause_goes_on_after_the_one_of_its_supervisor() -> None:
    moments: list[float] = []

    class Beats(Source, emits=Job):
        def produce(self) -> Iterator[TLV]:
            for number in range(self.emitted, 4):
                yield Job(number=number)
                moments.append(simulation.now)
                if self.pause(1.0):
                    return
                if number == 1:
                    raise ConnectionError

    with Simulation() as simulation:
        ref = Supervisor(backoff=Backoff(first_s=10.0, jitter=0.0)).start(Beats)
        actor: Any = ref._actor_weakref()
        simulation.run_until(lambda: bool(actor.finished.is_set()))
        assert moments == [0.0, 1.0, 12.0, 13.0]
        assert simulation.now == 14.0
