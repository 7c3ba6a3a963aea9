"""`mycelium.testing.Simulation`: one thread, a virtual clock, and an order that can be repeated."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pykka
import pytest

from mycelium import (
    Actor,
    ActorContext,
    ActorRef,
    AsyncSource,
    Bounded,
    Ledger,
    Node,
    Source,
    Topology,
    connect,
    handles,
    plan_routes,
)
from mycelium.errors import AskCycleError, CoroutineOutsideLoopError, ScheduleError, SimulationError
from mycelium.testing import Probe, Simulation, VirtualClock, run_actor
from tlv import TLV, i64

#: Virtual seconds, but for what goes wrong: then it does not hang the suite.
DEADLINE = 30.0


class Tick(TLV, type=1000):
    number: i64


class Question(TLV, type=1001):
    hops: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    assert pykka.ActorRegistry.get_all() == []


class Noted(Actor, receives=Tick):
    """Writes down who got what, in which thread."""

    def __init__(self, notes: list[tuple[str, int]]) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_tick(self, tick: Tick) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.notes.append((self.name, tick.number))


class PinnedNoted(Noted, dispatcher="pinned"):
    pass


class Hop(Actor, receives=Question):
    def __init__(self, following: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.following = following

    @handles
    def on_question(self, question: Question) -> int:
        if self.following is None or not question.hops:
            return 0
        return 1 + int(self.following.ask(Question(hops=question.hops - 1), timeout=DEADLINE))


def interleaving(simulation: Simulation, actors: int = 3, each: int = 5) -> list[tuple[str, int]]:
    notes: list[tuple[str, int]] = []
    with simulation:
        refs = [Noted.create(notes, context=ActorContext(name=f"actor{at}")).launch() for at in range(actors)]
        for number in range(each):
            for ref in refs:
                ref.tell(Tick(number=number))
        simulation.run()
    return notes


def test_nothing_happens_by_itself_and_a_step_is_one_message() -> None:
    notes: list[tuple[str, int]] = []
    with Simulation() as simulation:
        ref = Noted.start(notes)
        for number in range(3):
            ref.tell(Tick(number=number))
        assert notes == []
        assert simulation.ready == ("Noted",)
        assert simulation.step(), "the start"
        assert notes == []
        assert simulation.step()
        assert notes == [("Noted", 0)]
        assert simulation.run() == 2
        assert not simulation.step()
        assert [number for _, number in notes] == [0, 1, 2]
        assert simulation.schedule == ("Noted",) * 4


def test_the_same_seed_gives_the_same_interleaving_and_others_give_others() -> None:
    first = [interleaving(Simulation(seed=seed)) for seed in range(20)]
    again = [interleaving(Simulation(seed=seed)) for seed in range(20)]
    assert first == again
    assert len({tuple(notes) for notes in first}) > 15


def test_the_messages_of_one_sender_keep_their_order_in_every_interleaving() -> None:
    for seed in range(20):
        notes = interleaving(Simulation(seed=seed))
        for at in range(3):
            assert [number for name, number in notes if name == f"actor{at}"] == list(range(5))


def test_a_schedule_is_replayed() -> None:
    recorded = Simulation(seed=3)
    notes = interleaving(recorded)
    # Another seed, and yet the same turns.
    replayed = Simulation.replay(recorded.schedule, seed=99)
    assert interleaving(replayed) == notes
    assert replayed.schedule == recorded.schedule


def test_a_schedule_that_does_not_fit_is_told() -> None:
    with pytest.raises(ScheduleError, match=r"ACT-046.*step 2 of the schedule is elsewhere.*actor0, actor2, actor1"):
        interleaving(Simulation.replay(["actor1", "elsewhere"]))


def test_pinned_actors_and_those_that_actors_start_run_in_it_too() -> None:
    notes: list[tuple[str, int]] = []

    class Parent(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            PinnedNoted.start(notes).tell(tick)

    with Simulation() as simulation:
        Parent.start().tell(Tick(number=7))
        simulation.run()
        assert notes == [("PinnedNoted", 7)]


def test_the_second_actor_of_a_name_has_a_name_of_its_own_in_the_schedule() -> None:
    with Simulation() as simulation:
        for _ in range(3):
            Noted.start([])
        assert simulation.ready == ("Noted", "Noted#2", "Noted#3")


@pytest.mark.parametrize("seed", range(5))
def test_a_test_may_ask_and_so_may_handlers(seed: int) -> None:
    with Simulation(seed=seed):
        chain = Hop.start()
        for _ in range(5):
            chain = Hop.start(chain)
        assert chain.ask(Question(hops=5), timeout=DEADLINE) == 5
        assert chain.proxy().on_question(Question(hops=2)).get() == 2


def test_a_long_chain_of_asks_is_answered() -> None:
    with Simulation():
        chain = Hop.start()
        for _ in range(40):
            chain = Hop.start(chain)
        assert chain.ask(Question(hops=40), timeout=DEADLINE) == 40


def test_a_timeout_takes_virtual_time_only() -> None:
    class Waiting(Actor, receives=Question):
        def __init__(self, never: pykka.Future[Any]) -> None:
            super().__init__()
            self.never = never

        @handles
        def on_question(self, question: Question) -> Any:
            return self.never.get(timeout=3600)

    with Simulation() as simulation:
        ref = Waiting.start(Waiting._create_future())
        with pytest.raises(pykka.Timeout):
            ref.ask(Question(hops=0), timeout=7200)
        assert simulation.now == 3600


def test_waiting_in_a_circle_is_refused_here_too() -> None:
    class Narcissus(Actor, receives=Question):
        @handles
        def on_question(self, question: Question) -> Any:
            return self.actor_ref.ask(question, timeout=DEADLINE)

    with Simulation(), pytest.raises(AskCycleError, match="Narcissus -> Narcissus"):
        Narcissus.start().ask(Question(hops=0), timeout=DEADLINE)


def test_a_wait_that_cannot_end_is_told_and_does_not_hang() -> None:
    with Simulation(), pytest.raises(SimulationError, match=r"ACT-047.*stands still: it waits"):
        Noted._create_future().get()


def test_actors_that_never_rest_are_named() -> None:
    class Restless(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            self.actor_ref.tell(tick)

    with Simulation(steps_max=100) as simulation:
        Restless.start().tell(Tick(number=0))
        with pytest.raises(SimulationError, match=r"not come to rest after 100 steps, busy are Restless"):
            simulation.run()


def test_one_simulation_inside_another_is_refused() -> None:
    with Simulation(), pytest.raises(SimulationError, match="cannot run inside another one"), Simulation():
        pytest.fail("it was entered")


def test_time_does_not_go_back() -> None:
    with Simulation() as simulation, pytest.raises(SimulationError, match=r"back in time by 1\.0 s"):
        simulation.advance(-1.0)


def test_whoever_lives_at_the_end_is_stopped_and_after_it_actors_have_threads_again() -> None:
    stopped: list[str] = []

    class Last(Noted):
        def on_stop(self) -> None:
            stopped.append(self.name)

    with Simulation():
        Last.start([]).tell(Tick(number=1))
    assert stopped == ["Last"]
    ref = Hop.start()
    assert ref.ask(Question(hops=0), timeout=DEADLINE) == 0
    ref.stop()


def test_who_finds_a_mailbox_full_waits_in_virtual_time() -> None:
    notes: list[tuple[str, int]] = []

    class Narrow(Noted, mailbox=Bounded(2, overflow="block", deadline_s=5.0)):
        pass

    with Simulation() as simulation:
        ref = Narrow.start(notes)
        for number in range(10):
            ref.tell(Tick(number=number))
        assert len(notes) >= 7
        simulation.run()
    assert [number for _, number in notes] == list(range(10))


def test_actors_that_await_are_refused() -> None:
    class Awaiting(Actor, receives=Tick, dispatcher="asyncio"):
        @handles
        async def on_tick(self, tick: Tick) -> None: ...

    class Stream(AsyncSource, emits=Tick):
        async def produce(self) -> AsyncIterator[TLV]:
            yield Tick(number=1)

    with Simulation():
        for kind in (Awaiting, Stream):
            with pytest.raises(CoroutineOutsideLoopError, match="'simulation' cannot await it"):
                kind.start()


# Sources and topologies -------------------------------------------------------------------------------------------


class Clockwork(Source, emits=Tick):
    """A tick each so many seconds."""

    def __init__(self, seconds: float, count: int) -> None:
        super().__init__()
        self.seconds = seconds
        self.count = count

    def produce(self) -> Iterator[TLV]:
        for number in range(self.count):
            if self.pause(self.seconds):
                return
            yield Tick(number=number)


@pytest.mark.parametrize("seed", range(5))
def test_sources_that_pause_keep_their_own_time(seed: int) -> None:
    with Simulation(seed=seed) as simulation, Probe(Tick) as quick, Probe(Tick) as slow:
        quick.around(Clockwork, 1.0, 100)
        slow.around(Clockwork, 10.0, 3)
        simulation.run()
        assert quick.received == ()
        simulation.advance(1.0)
        assert (len(quick.received), len(slow.received)) == (1, 0)
        simulation.advance(24.5)
        assert (len(quick.received), len(slow.received)) == (25, 2)
        assert simulation.now == 25.5


def test_a_pausing_source_handles_mail_and_stops() -> None:
    with Simulation() as simulation, Probe(Tick) as probe:
        ref = probe.around(Clockwork, 1.0, 100)
        simulation.advance(2.5)
        assert ref.proxy().count.get() == 100
        assert simulation.now == 2.5
        ref.stop()
        simulation.advance(10)
        assert len(probe.received) == 2


def test_what_lies_between_two_messages_of_a_source_is_drawn_too() -> None:
    orders = set()
    for seed in range(20):
        notes: list[tuple[str, int]] = []
        with Simulation(seed=seed) as simulation:
            source = Clockwork.create(0.0, 4, context=ActorContext(name="source"))
            sink = Noted.create(notes, context=ActorContext(name="sink"))
            connect({"a": source, "b": sink}, plan_routes({"a": Clockwork, "b": Noted}))
            for actor in (sink, source):
                actor.launch()
            simulation.run()
        assert source.exhausted
        assert [number for _, number in notes] == [0, 1, 2, 3]
        orders.add(simulation.schedule)
    assert len(orders) > 10


def test_a_node_runs_in_it_and_the_ledger_balances() -> None:
    class Ticks(Source, emits=Tick):
        def produce(self) -> Iterator[TLV]:
            yield from (Tick(number=number) for number in range(100))

    probe = Probe(Tick)
    topology = Topology(name="simulated", actors={"ticks": Ticks, "probe": probe.actor_class})
    with Simulation(seed=5), Node(topology) as node:
        assert node.wait()
        node.stop()
        assert node.state == "finished"
        assert node.report().verdict.startswith("the ledger balances: 100 sent = 100 handled")
    assert probe.expect_all([Tick(number=number) for number in range(100)])


def test_run_actor_works_in_it() -> None:
    notes: list[tuple[str, int]] = []
    with Simulation():
        done = run_actor(Noted, [Tick(number=1)], config=notes)
    assert notes == [("Noted", 1)]
    assert done.ledger.balanced


def test_the_ledger_balances_after_each_step() -> None:
    with Simulation(seed=1) as simulation:
        actors = [Noted.create([], context=ActorContext(name=f"actor{at}")) for at in range(3)]
        refs = [actor.launch() for actor in actors]
        for number in range(10):
            refs[number % 3].tell(Tick(number=number))
        refs[0].stop(block=False)
        while simulation.step():
            reading = Ledger(actors).read()
            assert reading.balanced
            assert reading.total.sent == 10


def test_timers_go_by_its_clock() -> None:
    class Reminded(Noted):
        def on_start(self) -> None:
            self.timers.every(10.0, Tick(number=1))
            self.timers.once(25.0, Tick(number=2))

    notes: list[tuple[str, int]] = []
    with Simulation() as simulation:
        Reminded.start(notes)
        simulation.advance(9.9)
        assert notes == []
        simulation.advance(0.2)
        assert notes == [("Reminded", 1)]
        simulation.advance(20.0)
        assert [number for _, number in notes] == [1, 1, 2, 1]


# The clock --------------------------------------------------------------------------------------------------------


def test_calls_come_at_their_moment_in_their_order_unless_they_are_cancelled() -> None:
    clock = VirtualClock()
    made: list[tuple[str, float]] = []
    for name, moment in [("late", 5.0), ("first", 1.0), ("second", 1.0), ("never", 2.0)]:
        call = clock.call_at(moment, lambda name=name: made.append((name, clock.now())))  # type: ignore[misc]
        if name == "never":
            call.cancel()
    assert clock.next_at() == 1.0
    clock.advance_to(3.0)
    assert made == [("first", 1.0), ("second", 1.0)]
    assert clock.now() == 3.0
    clock.advance_to(10.0)
    assert made[-1] == ("late", 5.0)
    assert clock.next_at() is None
    assert all(one[1] <= other[1] for one, other in pairwise(made))
