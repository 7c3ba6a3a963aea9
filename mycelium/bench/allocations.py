"""The contest over memory blocks: what a message holds while it is kept, and what is left when it is gone.

Counted are the blocks that CPython's object allocator has handed out and not got back
(``sys.getallocatedblocks``). Integers that a message is made of exist beforehand and count for nobody;
those that ``struct`` unpacks are its own. Blocks that come and go within one operation do not show in a
count of what is there; what an operation leaves behind after thousands of runs would be a leak.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from threading import Event
from typing import Any

import pykka

from mycelium.actor.actor import Actor
from mycelium.contracts.handlers import handles
from tlv import read_frame
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Figure, Measure
from .frames import FRAME_MESSAGES, frame_of_trades
from .messages import VALUES, Trade, packer
from .telling import PATIENCE_S
from .units import BLOCKS, BYTES

__all__ = ["allocations"]

KEPT = Figure("blocks while kept", BLOCKS)
SIZE = Figure("bytes while kept", BYTES)
LEFT = Figure("blocks left behind", BLOCKS)

#: Calls ``look``, makes ``count`` messages, and calls ``look`` again while all of them are held.
Keeping = Callable[[int, Callable[[], None]], None]


def allocations() -> Contest:
    """Messages by themselves, out of a frame, and waiting in a mailbox."""
    data = packer.pack(*VALUES) * 1_000
    unpack_from = packer.unpack_from

    def each(make: Callable[[], Any]) -> Callable[[], Measure]:
        return lambda: _counted(_keeping(make))

    return Contest(
        name="allocations",
        question="How much memory does a message hold, and is any left behind?",
        contestants=(
            Contestant("TradeTLV", each(lambda: TradeTLV(*VALUES)), ours=True),
            Contestant("TradeTLV.ref_from", each(lambda: TradeTLV.ref_from(data, 3200)), ours=True),
            Contestant("Frame.dispatch", lambda: _counted(_dispatched), ours=True),
            Contestant("mycelium, told and waiting", lambda: _counted(_waiting), ours=True),
            Contestant("tuple", each(lambda: (*VALUES,))),
            Contestant("dataclass(slots)", each(lambda: Trade(*VALUES))),
            Contestant("struct.unpack_from", each(lambda: unpack_from(data, 3200))),
            Contestant("pykka, told and waiting", lambda: _counted(_waiting_pykka)),
        ),
        references=("tuple",),
        figures=(KEPT, SIZE, LEFT),
        count=4 * FRAME_MESSAGES,
        rounds=2,
    )


def _counted(keeping: Keeping) -> Measure:
    """Run it three times: to warm up, to count blocks, and, since that alone costs blocks, to measure bytes."""

    def measure(count: int) -> tuple[float, float, float]:
        blocks: list[int] = []
        sizes: list[int] = []
        keeping(count, lambda: None)
        gc.collect()  # empties CPython's own freelists too, which would hide or add blocks
        before = sys.getallocatedblocks()
        keeping(count, lambda: blocks.append(sys.getallocatedblocks()))
        gc.collect()
        left = sys.getallocatedblocks() - before
        tracemalloc.start()
        try:
            keeping(count, lambda: sizes.append(tracemalloc.get_traced_memory()[0]))
        finally:
            tracemalloc.stop()
        # A thread leaves a few blocks, however many messages it has handled: less than 0.01 each is nothing.
        return (blocks[1] - blocks[0]) / count, (sizes[1] - sizes[0]) / count, round(max(0.0, left / count), 2)

    return measure


def _keeping(make: Callable[[], Any]) -> Keeping:
    def keeping(count: int, look: Callable[[], None]) -> None:
        kept: list[Any] = [None] * count
        look()
        for i in range(count):
            kept[i] = make()
        look()

    return keeping


def _dispatched(count: int, look: Callable[[], None]) -> None:
    frames = [frame_of_trades()] * max(1, count // FRAME_MESSAGES)
    kept: list[Any] = [None] * FRAME_MESSAGES * len(frames)
    free = iter(range(len(kept)))

    def keep(trade: TradeTLV) -> None:
        kept[next(free)] = trade

    look()
    for frame in frames:
        read_frame(frame).dispatch({TradeTLV: keep})
    look()


class Sleeper(Actor, receives=TradeTLV):
    """Lets its mail wait until it is woken."""

    def __init__(self, expected: int, asleep: Event, awake: Event, done: Event) -> None:
        super().__init__()
        self.left = expected
        self.events = (asleep, awake, done)

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Sleep at the first message, count the others."""
        self.left = _slept(self.left, *self.events)


class PykkaSleeper(pykka.ThreadingActor):
    """The same as plain pykka has it."""

    def __init__(self, expected: int, asleep: Event, awake: Event, done: Event) -> None:
        super().__init__()
        self.left = expected
        self.events = (asleep, awake, done)

    def on_receive(self, message: Any) -> None:
        """Sleep at the first message, count the others."""
        self.left = _slept(self.left, *self.events)


def _slept(left: int, asleep: Event, awake: Event, done: Event) -> int:
    if not asleep.is_set():
        asleep.set()
        awake.wait(PATIENCE_S)
        return left
    if left == 1:
        done.set()
    return left - 1


def _waiting(count: int, look: Callable[[], None]) -> None:
    _let_wait(Sleeper.start, lambda: TradeTLV(*VALUES), count, look)


def _waiting_pykka(count: int, look: Callable[[], None]) -> None:
    _let_wait(PykkaSleeper.start, lambda: (*VALUES,), count, look)


def _let_wait(
    start: Callable[[int, Event, Event, Event], pykka.ActorRef[Any]],
    make: Callable[[], Any],
    count: int,
    look: Callable[[], None],
) -> None:
    asleep, awake, done = Event(), Event(), Event()
    ref = start(count, asleep, awake, done)
    try:
        ref.tell(make())
        asleep.wait(PATIENCE_S)
        look()
        for _ in range(count):
            ref.tell(make())
        look()
        awake.set()
        done.wait(PATIENCE_S)
    finally:
        awake.set()
        ref.stop()
