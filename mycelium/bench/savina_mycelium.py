"""The Savina benchmarks on our actors; `savina_pykka` has the same ones, step by step, on pykka's.

Each function does ``count`` operations and returns the seconds that they took; a class is a setting
that lasts for several rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from threading import Event
from typing import Any

from mycelium.actor.actor import Actor
from mycelium.actor.ref import ActorRef
from mycelium.contracts.handlers import handles
from tlv import TLV, i64, u32

from .savina import BIG, CHAMENEOS, COLOURS, JOINERS, Latch, clocked, complement, halt
from .timing import expect

__all__ = ["Ring", "big", "chameneos", "counting", "fork_join_create", "fork_join_throughput", "ping_pong"]

_NAME = "mycelium"


class Hop(TLV, type=1000):
    left: i64


class Increment(TLV, type=1001):
    pass


class Total(TLV, type=1002):
    pass


class Ping(TLV, type=1003):
    sender: u32


class Pong(TLV, type=1004):
    sender: u32


class Meet(TLV, type=1005):
    colour: u32
    sender: u32


class Change(TLV, type=1006):
    colour: u32


class Exit(TLV, type=1007):
    pass


class Met(TLV, type=1008):
    meetings: i64


class Passing(Actor, receives=Hop):
    """Passes the token on until it is worn out."""

    def __init__(self, done: Event) -> None:
        super().__init__()
        self.done = done
        self.hops = 0
        self.following: ActorRef[Any] | None = None

    @handles
    def on_hop(self, hop: Hop) -> None:
        self.hops += 1
        left = hop.left
        if left and self.following is not None:
            self.following.tell(Hop(left - 1))
        else:
            self.done.set()


class Ring:
    """Actors in a circle, through which a token goes."""

    def __init__(self, size: int) -> None:
        self.done = Event()
        self.actors = [Passing.create(self.done) for _ in range(size)]
        self.refs = [actor.launch() for actor in self.actors]
        for number, actor in enumerate(self.actors):
            actor.following = self.refs[(number + 1) % size]

    def __call__(self, count: int) -> tuple[float]:
        """Seconds of a hop."""
        self.done.clear()
        before = sum(actor.hops for actor in self.actors)
        seconds = clocked(lambda: self.refs[0].tell(Hop(count - 1)), self.done)
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


class Counter(Actor, receives=(Increment, Total)):
    total = 0

    @handles
    def on_increment(self, increment: Increment) -> None:
        self.total += 1

    @handles
    def on_total(self, total: Total) -> int:
        return self.total


class Producer(Actor, receives=Hop):
    def __init__(self, counter: ActorRef[Counter], done: Event) -> None:
        super().__init__()
        self.counter = counter
        self.done = done

    @handles
    def on_hop(self, hop: Hop) -> None:
        tell = self.counter.tell
        for _ in range(hop.left):
            tell(Increment())
        self.done.set()


def counting(count: int) -> float:
    counter = Counter.start()
    done = Event()
    producer = Producer.start(counter, done)
    found: list[int] = []

    def produce() -> None:
        producer.tell(Hop(count))
        done.wait()
        found.append(counter.ask(Total(), timeout=60.0))

    seconds = clocked(produce, done)
    halt((producer, counter))
    expect(_NAME, found, [count])
    return seconds


class Worker(Actor, receives=Increment):
    """Counts down in a latch that it shares, ``share`` messages long."""

    def __init__(self, share: int, latch: Latch) -> None:
        super().__init__()
        self.left = share
        self.latch = latch

    @handles
    def on_increment(self, increment: Increment) -> None:
        self.left -= 1
        if not self.left:
            self.latch.count_down()


class Brief(Worker):
    def on_increment(self, increment: Increment) -> None:
        self.stop()

    def on_stop(self) -> None:
        self.latch.count_down()


def fork_join_create(count: int) -> float:
    latch = Latch(count)

    def create() -> None:
        for _ in range(count):
            Brief.start(1, latch).tell(Increment())

    return clocked(create, latch.done)


def fork_join_throughput(count: int) -> float:
    share = max(1, count // JOINERS)
    latch = Latch(JOINERS)
    refs = [Worker.start(share, latch) for _ in range(JOINERS)]

    def fork() -> None:
        for _ in range(share):
            for ref in refs:
                ref.tell(Increment())

    try:
        return clocked(fork, latch.done) * count / (share * JOINERS)
    finally:
        halt(refs)


class Gossip(Actor, receives=(Ping, Pong)):
    """Pings a neighbour by chance, waits for its pong, and pings the next one."""

    def __init__(self, number: int, share: int, latch: Latch) -> None:
        super().__init__()
        self.number = number
        self.left = share
        self.latch = latch
        self.random = Random(number)  # noqa: S311 - the same for everybody
        self.peers: Sequence[ActorRef[Any]] = ()
        self.pinged = 0

    @handles
    def on_ping(self, ping: Ping) -> None:
        self.pinged += 1
        self.peers[ping.sender].tell(Pong(self.number))

    @handles
    def on_pong(self, pong: Pong) -> None:
        if not self.left:
            self.latch.count_down()
            return
        self.left -= 1
        self.peers[self.random.randrange(BIG)].tell(Ping(self.number))


def big(count: int) -> float:
    share = max(1, count // BIG)
    latch = Latch(BIG)
    actors = [Gossip.create(number, share, latch) for number in range(BIG)]
    refs = [actor.launch() for actor in actors]
    for actor in actors:
        actor.peers = refs

    def begin() -> None:
        for number, ref in enumerate(refs):
            ref.tell(Pong(number))

    seconds = clocked(begin, latch.done)
    halt(refs)
    expect(_NAME, sum(actor.pinged for actor in actors), share * BIG)
    return seconds * count / (share * BIG)


class Mall(Actor, receives=(Meet, Met)):
    """Brings two together, as often as there are meetings, and then sends everybody home."""

    def __init__(self, meetings: int, done: Event) -> None:
        super().__init__()
        self.left = meetings
        self.done = done
        self.waiting: int | None = None
        self.home = self.met = 0
        self.guests: Sequence[ActorRef[Any]] = ()

    @handles
    def on_meet(self, meet: Meet) -> None:
        if not self.left:
            self.guests[meet.sender].tell(Exit())
        elif self.waiting is None:
            self.waiting = meet.sender
        else:
            self.left -= 1
            waiting, self.waiting = self.waiting, None
            self.guests[waiting].tell(meet)

    @handles
    def on_met(self, met: Met) -> None:
        self.home += 1
        self.met += met.meetings
        if self.home == CHAMENEOS:
            self.done.set()


class Chameneo(Actor, receives=(Meet, Change, Exit)):
    def __init__(self, number: int, mall: ActorRef[Mall]) -> None:
        super().__init__()
        self.number = number
        self.colour = number % COLOURS
        self.mall = mall
        self.meetings = 0
        self.guests: Sequence[ActorRef[Any]] = ()

    @handles
    def on_meet(self, meet: Meet) -> None:
        self.colour = complement(self.colour, meet.colour)
        self.guests[meet.sender].tell(Change(self.colour))
        self._come_again()

    @handles
    def on_change(self, change: Change) -> None:
        self.colour = change.colour
        self._come_again()

    @handles
    def on_exit(self, message: Exit) -> None:
        self.mall.tell(Met(self.meetings))

    def _come_again(self) -> None:
        self.meetings += 1
        self.mall.tell(Meet(self.colour, self.number))


def chameneos(count: int) -> float:
    done = Event()
    mall = Mall.create(count, done)
    mall_ref = mall.launch()
    guests = [Chameneo.create(number, mall_ref) for number in range(CHAMENEOS)]
    mall.guests = refs = [guest.launch() for guest in guests]
    for guest in guests:
        guest.guests = refs

    def begin() -> None:
        for guest in guests:
            mall_ref.tell(Meet(guest.colour, guest.number))

    seconds = clocked(begin, done)
    halt((*refs, mall_ref))
    expect(_NAME, mall.met, 2 * count)
    return seconds
