"""The contest over what watches messages: a supervisor above their receiver, and a ledger that is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any

from mycelium.actor.actor import Actor
from mycelium.ledger.ledger import Ledger
from mycelium.supervision import Supervisor
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Measure
from .messages import VALUES
from .telling import PATIENCE_S, Counter, timed

__all__ = ["UNWATCHED", "WATCHED", "supervising"]

WATCHED = "supervised, ledger read"
UNWATCHED = "neither"

#: Four times as often as the live table of `mycelium run` reads it.
_READ_S = 0.05


def supervising() -> Contest:
    """The messages of the contest over `tell`, to a receiver that is watched and to one that is not."""
    return Contest(
        name="supervision",
        question="What does a supervisor of its receiver, and a ledger that is read meanwhile, add to a message?",
        contestants=(
            Contestant(WATCHED, lambda: _telling(supervised=True, read=True), ours=True),
            Contestant("supervised", lambda: _telling(supervised=True, read=False), ours=True),
            Contestant("ledger read", lambda: _telling(supervised=False, read=True), ours=True),
            Contestant(UNWATCHED, lambda: _telling(supervised=False, read=False)),
        ),
        references=(UNWATCHED,),
        count=200_000,
        rounds=9,
        note="the counters are part of every row, for they cannot be switched off: what is not counted could be lost "
        "unseen; the ledger is read each 50 ms, where the live view reads it each 200 ms",
    )


def _telling(*, supervised: bool, read: bool) -> Measure:
    def tell_all(count: int) -> tuple[float]:
        price, quantity, timestamp, venue_id = VALUES
        done = Event()
        ref = Supervisor().start(Counter, count, done) if supervised else Counter.start(count, done)

        def produce() -> None:
            tell = ref.tell
            for _ in range(count):
                tell(TradeTLV(price, quantity, timestamp, venue_id))

        if not read:
            return timed(produce, partial(done.wait, PATIENCE_S), count, ref.stop)
        with _reading(ref):
            return timed(produce, partial(done.wait, PATIENCE_S), count, ref.stop)

    return tell_all


@contextmanager
def _reading(ref: Any) -> Iterator[None]:
    """Meanwhile another thread reads the ledger again and again."""
    actor: Actor = ref._actor_weakref()
    ledger = Ledger([actor])
    over = Event()

    def read() -> None:
        while not over.wait(_READ_S):
            ledger.read()

    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
