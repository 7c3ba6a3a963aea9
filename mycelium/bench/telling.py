"""The contest over `tell`, end to end: from the first message that is made to the last one that was handled."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from threading import Event, Thread
from time import perf_counter
from typing import Any

import pykka
from pykka.messages import ProxyGetAttr

from mycelium.actor.actor import Actor
from mycelium.actor.context import ActorContext
from mycelium.actor.ref import ActorRef
from mycelium.actor.source import Source
from mycelium.contracts.handlers import handles
from mycelium.mailbox.bounds import UNBOUNDED, Bounded
from mycelium.routing.router import connect, plan_routes
from tlv import TLV, FrameWriter, read_frame
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant
from .frames import FRAME_MESSAGES
from .messages import VALUES

__all__ = [
    "FRAMES",
    "NAUTILUS_PUBLISH",
    "OURS_TELL",
    "PATIENCE_S",
    "PYKKA_TELL",
    "UNBOUNDED_TELL",
    "Counter",
    "telling",
    "timed",
]

OURS_TELL = "mycelium, tell"
UNBOUNDED_TELL = "mycelium, tell, no bound"
FRAMES = "mycelium, frames of 1,000"
PYKKA_TELL = "pykka, tell"
NAUTILUS_PUBLISH = "nautilus_trader, publish"

#: A bench that hangs must not hang its user: the slowest known contestant needs a hundredth of this.
PATIENCE_S = 300.0
#: Asks an actor, ours or pykka's, for its attribute of that name.
TOTAL = ProxyGetAttr(attr_path=("total",))


def telling() -> Contest:
    """One producer makes messages and tells them; one consumer reads a field of each."""
    return Contest(
        name="tell",
        question="What does a message cost from its making to the end of its handler, between two threads?",
        contestants=(
            Contestant(OURS_TELL, lambda: _told, ours=True),
            Contestant("mycelium, tell, collector on", lambda: _told_and_collected, ours=True),
            Contestant("mycelium, tell with sender", lambda: _told_with_sender, ours=True),
            Contestant("mycelium, emit from a source", lambda: _emitted, ours=True),
            Contestant(UNBOUNDED_TELL, lambda: _told_without_bound, ours=True),
            Contestant(FRAMES, lambda: _told_frames, ours=True),
            Contestant(PYKKA_TELL, lambda: _told_pykka),
            Contestant("queue.SimpleQueue, bare", lambda: _put),
            Contestant(NAUTILUS_PUBLISH, lambda: _published, needs="nautilus_trader"),
        ),
        references=(PYKKA_TELL, "queue.SimpleQueue, bare", UNBOUNDED_TELL, NAUTILUS_PUBLISH),
        count=200_000,
        rounds=4,
        note="frames are there already, as from a network or a file; sustained: the rate of a threaded queue falls with the "
        "length of the burst, so compare equal counts only; pykka, the queue and the bus of NautilusTrader carry a plain tuple, "
        "the cheapest message there is; that bus routes by topic and calls the handler in the thread of the sender: it has no mailbox",
    )


class Counter(Actor, receives=TradeTLV):
    """Sums a field, and says when it has seen all."""

    def __init__(self, expected: int, done: Event) -> None:
        super().__init__()
        self.total = 0
        self.left = expected
        self.done = done

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Read one field."""
        self.total += trade.price
        self.left -= 1
        if not self.left:
            self.done.set()


class Reader(Actor, receives=TradeTLV):
    """Sums a field. It is asked for the sum: its answer comes when it has handled what was told before."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Read one field."""
        self.total += trade.price


class SenderReader(Reader):
    """The same, where the handler takes who sent the message."""

    @handles
    def on_trade(self, trade: TradeTLV, sender: ActorRef[Any] | None) -> None:  # type: ignore[override]
        """Read one field."""
        self.total += trade.price


class FrameReader(Reader):
    """The same, where the messages come in frames."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: dict[type[TLV], Callable[[Any], object]] = {TradeTLV: self.on_trade}

    def on_receive(self, message: bytes) -> None:
        """Each of its messages."""
        read_frame(message).dispatch(self.handlers)


class Ticker(Source, emits=TradeTLV):
    """Makes trades, and lets the framework send them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def produce(self) -> Iterator[TLV]:
        """Make them."""
        price, quantity, timestamp, venue_id = VALUES
        for _ in range(self.count):
            yield TradeTLV(price, quantity, timestamp, venue_id)


class PykkaReader(pykka.ThreadingActor):
    """The same as plain pykka has it."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_receive(self, message: tuple[int, int, int, int]) -> None:
        """Read one field."""
        self.total += message[0]


def _told(count: int, bound: Bounded | None = None, reader: type[Reader] = Reader) -> tuple[float]:
    price, quantity, timestamp, venue_id = VALUES
    ref = reader.create(context=ActorContext(bound=bound)).launch()

    def produce() -> None:
        tell = ref.tell
        for _ in range(count):
            tell(TradeTLV(price, quantity, timestamp, venue_id))

    return timed(produce, partial(_has_read, ref, count), count, ref.stop)


def _told_with_sender(count: int) -> tuple[float]:
    return _told(count, reader=SenderReader)


def _told_and_collected(count: int) -> tuple[float]:
    """As a service lives: messages that wait are objects that the garbage collector visits."""
    gc.enable()
    try:
        return _told(count)
    finally:
        gc.disable()


def _told_without_bound(count: int) -> tuple[float]:
    return _told(count, UNBOUNDED)


def _told_frames(count: int) -> tuple[float]:
    """Frames are told that are there already; their messages go to the handler one by one."""
    size = min(FRAME_MESSAGES, count)
    ref = FrameReader.start()
    writer = FrameWriter()
    for _ in range(size):
        writer.append(TradeTLV(*VALUES))
    frame = bytes(writer.finish())

    def produce() -> None:
        for _ in range(count // size):
            ref.tell(frame)

    return timed(produce, partial(_has_read, ref, count // size * size), count, ref.stop)


def _told_pykka(count: int) -> tuple[float]:
    price, quantity, timestamp, venue_id = VALUES
    ref = PykkaReader.start()

    def produce() -> None:
        tell = ref.tell
        for _ in range(count):
            tell((price, quantity, timestamp, venue_id))

    return timed(produce, partial(_has_read, ref, count), count, ref.stop)


def _has_read(ref: pykka.ActorRef[Any], count: int) -> bool:
    """Wait until the actor has handled all that it was told; whether that were as many."""
    return bool(ref.ask(TOTAL, timeout=PATIENCE_S) == count * VALUES[0])


def _emitted(count: int) -> tuple[float]:
    done = Event()
    actors: dict[str, Actor] = {"ticker": Ticker.create(count), "counter": Counter.create(count, done)}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    actors["counter"].launch()

    def stop() -> None:
        for actor in actors.values():
            actor.actor_ref.stop()

    return timed(actors["ticker"].launch, partial(done.wait, PATIENCE_S), count, stop)


def _put(count: int) -> tuple[float]:
    price, quantity, timestamp, venue_id = VALUES
    queue: SimpleQueue[tuple[int, int, int, int]] = SimpleQueue()
    done = Event()

    def consume() -> None:
        total = 0
        get = queue.get
        for _ in range(count):
            total += get()[0]
        done.set()

    def produce() -> None:
        put = queue.put
        for _ in range(count):
            put((price, quantity, timestamp, venue_id))

    consumer = Thread(target=consume, daemon=True)
    consumer.start()
    return timed(produce, partial(done.wait, PATIENCE_S), count, consumer.join)


def _published(count: int) -> tuple[float]:
    component: Any = import_module("nautilus_trader.common.component")
    identifiers: Any = import_module("nautilus_trader.model.identifiers")
    price, quantity, timestamp, venue_id = VALUES
    bus = component.MessageBus(trader_id=identifiers.TraderId("BENCH-001"), clock=component.TestClock())
    total = 0

    def handle(message: tuple[int, int, int, int]) -> None:
        nonlocal total
        total += message[0]

    bus.subscribe(topic="trades", handler=handle)

    def produce() -> None:
        publish = bus.publish
        for _ in range(count):
            publish("trades", (price, quantity, timestamp, venue_id))

    def has_read() -> bool:
        return total == count * price

    return timed(produce, has_read, count, lambda: bus.unsubscribe(topic="trades", handler=handle))


def timed(produce: Callable[[], Any], handled: Callable[[], bool], count: int, stop: Callable[[], Any]) -> tuple[float]:
    """Clock ``produce`` until ``handled`` returns, per message; the actors start and stop outside the clock."""
    try:
        started = perf_counter()
        produce()
        right = handled()
        seconds = perf_counter() - started
    finally:
        stop()
    if not right:
        msg = f"the consumer has not handled {count:,} messages, or not within {PATIENCE_S:g} s"
        raise TimeoutError(msg)
    return (seconds / count,)
