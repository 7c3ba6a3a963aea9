"""The control lane: what steers an actor overtakes its mail, has no bound, and is never dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mycelium import Actor, ActorRef, AsyncSource, Backoff, Bounded, Source, Supervisor, Terminated, handles
from mycelium.dispatcher.current import settle
from mycelium.errors import DeadActorError, MailboxFullError, StoppedFirstError
from mycelium.testing import Simulation
from tests.conversing import DEADLINE, Held, Notes, Ping, Pong, dispatcher, end, named, on
from tlv import TLV, Batch

__all__ = ["dispatcher"]


class Stopping(Actor, receives=(Ping, Pong)):
    """Notes what it handles; stops itself at a pong, ahead of its mail."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_ping(self, ping: Ping) -> int:
        self.notes.add(ping.number)
        return ping.number

    @handles
    def on_pong(self, pong: Pong) -> None:
        if pong.number:
            self.stop(now=True)
        else:
            self.actor_ref.stop(block=False, now=True)

    def on_stop(self) -> None:
        self.notes.add("on_stop")


@pytest.mark.parametrize("by_ref", [0, 1])
def test_a_stop_at_once_overtakes_the_mail_in_the_middle_of_a_turn(dispatcher: str, by_ref: int) -> None:
    notes = Notes()
    stopping = on(Stopping, dispatcher).create(notes)
    for number in range(10):
        stopping.actor_ref.tell(Ping(number))
    stopping.actor_ref.tell(Pong(by_ref))
    for number in range(300):
        stopping.actor_ref.tell(Ping(number))
    asked = stopping.actor_ref.ask(Ping(0), block=False, timeout=DEADLINE)
    stopping.launch()
    settle()
    assert stopping.ended.wait(DEADLINE)
    assert notes.happened == [*range(10), "on_stop"]
    total = end(stopping).read().total
    assert (total.sent, total.handled, total.dead_lettered) == (312, 11, 301)
    with pytest.raises(StoppedFirstError):
        asked.get()


def test_a_stop_without_it_waits_its_turn_as_in_pykka(dispatcher: str) -> None:
    notes = Notes()
    stopping = on(Stopping, dispatcher).create(notes)
    stopping.actor_ref.tell(Ping(1))
    told = stopping.actor_ref.stop(block=False)
    stopping.actor_ref.tell(Ping(2))
    stopping.launch()
    settle()
    assert told.get(timeout=DEADLINE) is True
    assert stopping.ended.wait(DEADLINE)
    assert notes.happened == [1, "on_stop"]


def test_it_tells_whether_the_actor_was_alive(dispatcher: str) -> None:
    stopping = named(on(Stopping, dispatcher), "stopping", Notes())
    assert stopping.actor_ref.stop(timeout=DEADLINE, now=True) is True
    assert stopping.actor_ref.stop(timeout=DEADLINE, now=True) is False
    assert stopping.actor_ref.stop(block=False, now=True).get(timeout=DEADLINE) is False
    end(stopping)


def test_it_takes_no_place_in_a_full_mailbox_and_no_policy_lets_go_of_it() -> None:
    held = Held()
    told: list[Terminated] = []

    class Small(Actor, receives=(Ping, Pong), mailbox=Bounded(2, overflow="reject"), dispatcher="pinned"):
        @handles(overflow="drop_oldest")
        def on_ping(self, ping: Ping) -> None: ...

        @handles
        def on_pong(self, pong: Pong) -> None:
            self.watch(other.actor_ref, ahead=True)
            self.watch(another.actor_ref, ahead=True)
            held()

        def on_terminated(self, terminated: Terminated) -> None:
            told.append(terminated)

    other = named(Stopping, "other", Notes())
    another = named(Stopping, "another", Notes())
    small = named(Small, "small")
    small.actor_ref.tell(Pong(0))
    assert held.entered.wait(DEADLINE)
    end(other)
    end(another)
    stopped = small.actor_ref.stop(block=False, now=True)
    small.actor_ref.tell(Pong(1))
    small.actor_ref.tell(Ping(1))
    with pytest.raises(MailboxFullError):
        small.actor_ref.tell(Pong(2))
    for number in range(2, 6):
        small.actor_ref.tell(Ping(number))
    held.gate.set()
    assert stopped.get(timeout=DEADLINE) is True
    total = end(small).read().total
    assert [terminated.name for terminated in told] == ["other", "another"]
    assert (total.sent, total.handled, total.dropped, total.dead_lettered) == (8, 1, 5, 2)


@pytest.mark.parametrize("ahead", [False, True])
def test_the_end_of_a_watched_actor_comes_ahead_of_mail_where_that_is_asked_for(dispatcher: str, ahead: bool) -> None:
    notes = Notes()

    class Watching(Actor, receives=Ping, dispatcher=dispatcher):
        def on_start(self) -> None:
            self.watch(other.actor_ref, ahead=ahead)
            other.mailbox.tell_end(None)  # as if it ended just now
            for number in (1, 2):
                self.actor_ref.tell(Ping(number + 2))

        @handles
        def on_ping(self, ping: Ping) -> None:
            notes.add(ping.number)

        def on_terminated(self, terminated: Terminated) -> None:
            notes.add(terminated.name)

    other = named(on(Stopping, dispatcher), "other", Notes())
    watching = Watching.create()
    for number in (1, 2):
        watching.actor_ref.tell(Ping(number))
    watching.launch()
    expected = ["other", 1, 2, 3, 4] if ahead else [1, 2, "other", 3, 4]
    assert notes.wait_for(5) == expected
    end(watching, other)


def test_it_comes_between_two_batches() -> None:
    sizes: list[int] = []

    class Batching(Actor, dispatcher="pinned"):
        @handles(batch=True)
        def on_pings(self, pings: Batch[Ping]) -> None:
            sizes.append(len(pings))
            self.stop(now=True)

    batching = Batching.create()
    for number in range(2000):
        batching.actor_ref.tell(Ping(number))
    batching.launch()
    assert batching.ended.wait(DEADLINE)
    assert sizes == [1024]
    assert end(batching).read().total.dead_lettered == 2000 - 1024


def test_what_a_supervisor_orders_overtakes_the_mail_of_the_others() -> None:
    notes = Notes()
    held = Held()

    class Failing(Actor, receives=Pong):
        @handles
        def on_pong(self, pong: Pong) -> None:
            raise LookupError(pong)

    class Busy(Stopping, dispatcher="pinned"):
        @handles
        def on_pong(self, pong: Pong) -> None:
            held()

    supervisor = Supervisor("all-for-one", otherwise="stop")
    busy = supervisor.start(Busy, notes)
    failing = supervisor.start(Failing)
    busy.tell(Pong(0))
    assert held.entered.wait(DEADLINE)
    for number in range(10):
        busy.tell(Ping(number))
    watched = threading.Event()
    failing.mailbox.at_end(failing.mailbox, lambda error: watched.set())
    failing.tell(Pong(1))
    assert watched.wait(DEADLINE)
    held.gate.set()
    ended = threading.Event()
    busy.mailbox.at_end(failing.mailbox, lambda error: ended.set())
    assert ended.wait(DEADLINE)
    assert notes.happened == ["on_stop"]


def test_an_actor_that_waits_for_its_restart_ends_without_waiting_any_longer() -> None:
    class Failing(Actor, receives=Pong):
        @handles
        def on_pong(self, pong: Pong) -> None:
            raise LookupError(pong)

        def on_stop(self) -> None:
            raise AssertionError("there is no life that could end")

    with Simulation() as simulation:
        ref = Supervisor(backoff=Backoff(first_s=1000.0, max_s=1000.0)).start(Failing)
        ref.tell(Pong(1))
        simulation.run()
        assert ref.mailbox.paused
        assert ref.stop(now=True) is True
        assert simulation.now < 1000
        with pytest.raises(DeadActorError):
            ref.tell(Pong(2))


def test_a_source_ends_where_it_pauses() -> None:
    notes = Notes()

    class Pausing(Source, emits=Ping):
        def produce(self) -> Iterator[TLV]:
            yield Ping(1)
            notes.add("pauses")
            stopped = self.pause(DEADLINE * 10)
            notes.add(("was stopped", stopped))

        def on_stop(self) -> None:
            notes.add("on_stop")

    class Awaiting(AsyncSource, emits=Ping):
        async def produce(self) -> Any:
            yield Ping(1)
            notes.add("pauses")
            stopped = await self.pause(DEADLINE * 10)
            notes.add(("was stopped", stopped))

        def on_stop(self) -> None:
            notes.add("on_stop")

    for kind in (Pausing, Awaiting):
        notes.happened.clear()
        source: Any = named(kind, "source")
        notes.wait_for(1)
        assert source.actor_ref.stop(timeout=DEADLINE, now=True) is True
        end(source)
        assert notes.happened == ["pauses", ("was stopped", True), "on_stop"]


@pytest.mark.parametrize("place", ["default", "pinned", "asyncio"])
def test_under_fire_it_ends_soon_and_the_ledger_balances(place: str) -> None:
    notes = Notes()
    stopping = on(Stopping, place).create(notes)
    ref: ActorRef[Any] = stopping.actor_ref

    def send() -> None:
        for number in range(2000):
            try:
                ref.tell(Ping(number))
            except DeadActorError:
                return

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    stopping.launch()
    ref.stop(timeout=DEADLINE, now=True)
    for sender in senders:
        sender.join(DEADLINE)
        assert not sender.is_alive()
    settle()
    assert stopping.ended.wait(DEADLINE)
    assert notes.happened[-1] == "on_stop"
    end(stopping)
