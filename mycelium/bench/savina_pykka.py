"""The Savina benchmarks on pykka's actors, with the steps of `savina_mycelium`; tuples are the cheapest messages there are."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from threading import Event
from typing import Any

import pykka

from .savina import BIG, CHAMENEOS, COLOURS, JOINERS, Latch, clocked, complement, halt
from .timing import expect

__all__ = ["Ring", "big", "chameneos", "counting", "fork_join_create", "fork_join_throughput", "ping_pong"]

_NAME = "pykka"


class Passing(pykka.ThreadingActor):
    """Passes the token on until it is worn out."""

    def __init__(self, done: Event) -> None:
        super().__init__()
        self.done = done
        self.hops = 0
        self.following: pykka.ActorRef[Any] | None = None

    def on_receive(self, left: int) -> None:
        self.hops += 1
        if left and self.following is not None:
            self.following.tell(left - 1)
        else:
            self.done.set()


class Ring:
    """Actors in a circle, through which a token goes."""

    def __init__(self, size: int) -> None:
        self.done = Event()
        self.refs = [Passing.start(self.done) for _ in range(size)]
        self.actors = [_actor(ref) for ref in self.refs]
        for number, actor in enumerate(self.actors):
            actor.following = self.refs[(number + 1) % size]

    def __call__(self, count: int) -> tuple[float]:
        """Seconds of a hop."""
        self.done.clear()
        before = sum(actor.hops for actor in self.actors)
        seconds = clocked(lambda: self.refs[0].tell(count - 1), self.done)
        expect(_NAME, sum(actor.hops for actor in self.actors) - before, count)
        return (seconds / count,)

    def close(self) -> None:
        """Stop them."""
        halt(self.refs)


def ping_pong(count: int) -> float:
    ring = Ring(2)
    try:
        return ring(count)[0] * count
    finally:
        ring.close()


class Counter(pykka.ThreadingActor):
    total = 0

    def on_receive(self, message: str) -> int | None:
        if message == "increment":
            self.total += 1
            return None
        return self.total


class Producer(pykka.ThreadingActor):
    def __init__(self, counter: pykka.ActorRef[Counter], done: Event) -> None:
        super().__init__()
        self.counter = counter
        self.done = done

    def on_receive(self, count: int) -> None:
        tell = self.counter.tell
        for _ in range(count):
            tell("increment")
        self.done.set()


def counting(count: int) -> float:
    counter = Counter.start()
    done = Event()
    producer = Producer.start(counter, done)
    found: list[Any] = []

    def produce() -> None:
        producer.tell(count)
        done.wait()
        found.append(counter.ask("total", timeout=60.0))

    seconds = clocked(produce, done)
    halt((producer, counter))
    expect(_NAME, found, [count])
    return seconds


class Worker(pykka.ThreadingActor):
    """Counts down in a latch that it shares, ``share`` messages long."""

    def __init__(self, share: int, latch: Latch) -> None:
        super().__init__()
        self.left = share
        self.latch = latch

    def on_receive(self, message: str) -> None:
        self.left -= 1
        if not self.left:
            self.latch.count_down()


class Brief(Worker):
    def on_receive(self, message: str) -> None:
        self.stop()

    def on_stop(self) -> None:
        self.latch.count_down()


def fork_join_create(count: int) -> float:
    latch = Latch(count)

    def create() -> None:
        for _ in range(count):
            Brief.start(1, latch).tell("increment")

    return clocked(create, latch.done)


def fork_join_throughput(count: int) -> float:
    share = max(1, count // JOINERS)
    latch = Latch(JOINERS)
    refs = [Worker.start(share, latch) for _ in range(JOINERS)]

    def fork() -> None:
        for _ in range(share):
            for ref in refs:
                ref.tell("increment")

    try:
        return clocked(fork, latch.done) * count / (share * JOINERS)
    finally:
        halt(refs)


class Gossip(pykka.ThreadingActor):
    """Pings a neighbour by chance, waits for its pong, and pings the next one."""

    def __init__(self, number: int, share: int, latch: Latch) -> None:
        super().__init__()
        self.number = number
        self.left = share
        self.latch = latch
        self.random = Random(number)  # noqa: S311 - the same for everybody
        self.peers: Sequence[pykka.ActorRef[Any]] = ()
        self.pinged = 0

    def on_receive(self, message: tuple[str, int]) -> None:
        kind, sender = message
        if kind == "ping":
            self.pinged += 1
            self.peers[sender].tell(("pong", self.number))
        elif not self.left:
            self.latch.count_down()
        else:
            self.left -= 1
            self.peers[self.random.randrange(BIG)].tell(("ping", self.number))


def big(count: int) -> float:
    share = max(1, count // BIG)
    latch = Latch(BIG)
    refs = [Gossip.start(number, share, latch) for number in range(BIG)]
    actors = [_actor(ref) for ref in refs]
    for actor in actors:
        actor.peers = refs

    def begin() -> None:
        for number, ref in enumerate(refs):
            ref.tell(("pong", number))

    seconds = clocked(begin, latch.done)
    halt(refs)
    expect(_NAME, sum(actor.pinged for actor in actors), share * BIG)
    return seconds * count / (share * BIG)


class Mall(pykka.ThreadingActor):
    """Brings two together, as often as there are meetings, and then sends everybody home."""

    def __init__(self, meetings: int, done: Event) -> None:
        super().__init__()
        self.left = meetings
        self.done = done
        self.waiting: int | None = None
        self.home = self.met = 0
        self.guests: Sequence[pykka.ActorRef[Any]] = ()

    def on_receive(self, message: tuple[str, int, int]) -> None:
        kind, value, sender = message
        if kind == "met":
            self.home += 1
            self.met += value
            if self.home == CHAMENEOS:
                self.done.set()
        elif not self.left:
            self.guests[sender].tell(("exit", 0, 0))
        elif self.waiting is None:
            self.waiting = sender
        else:
            self.left -= 1
            waiting, self.waiting = self.waiting, None
            self.guests[waiting].tell(message)


class Chameneo(pykka.ThreadingActor):
    def __init__(self, number: int, mall: pykka.ActorRef[Mall]) -> None:
        super().__init__()
        self.number = number
        self.colour = number % COLOURS
        self.mall = mall
        self.meetings = 0
        self.guests: Sequence[pykka.ActorRef[Any]] = ()

    def on_receive(self, message: tuple[str, int, int]) -> None:
        kind, colour, sender = message
        if kind == "exit":
            self.mall.tell(("met", self.meetings, self.number))
            return
        if kind == "meet":
            self.colour = complement(self.colour, colour)
            self.guests[sender].tell(("change", self.colour, self.number))
        else:
            self.colour = colour
        self.meetings += 1
        self.mall.tell(("meet", self.colour, self.number))


def chameneos(count: int) -> float:
    done = Event()
    mall_ref = Mall.start(count, done)
    mall = _actor(mall_ref)
    refs = [Chameneo.start(number, mall_ref) for number in range(CHAMENEOS)]
    guests = [_actor(ref) for ref in refs]
    mall.guests = refs
    for guest in guests:
        guest.guests = refs

    def begin() -> None:
        for guest in guests:
            mall_ref.tell(("meet", guest.colour, guest.number))

    seconds = clocked(begin, done)
    halt((*refs, mall_ref))
    expect(_NAME, mall.met, 2 * count)
    return seconds


def _actor(ref: pykka.ActorRef[Any]) -> Any:
    """What a ref refers to: nobody touches it while its thread does."""
    return ref._actor_weakref()
