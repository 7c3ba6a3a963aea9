"""The contest over `ask`: a question and its answer between two threads, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from time import perf_counter
from typing import Any

import pykka

from mycelium.actor.actor import Actor
from mycelium.actor.ref import ActorRef
from mycelium.contracts.handlers import handles
from tlv.market_data import TradeTLV

from .contest import Contest, Contestant, Figure
from .messages import VALUES
from .units import LATENCY

__all__ = ["INSIDE", "OURS_ASK", "P50", "P99", "PYKKA_ASK", "asking", "handed_over", "quantiles"]

OURS_ASK = "mycelium, ask"
INSIDE = "mycelium, ask between actors"
PYKKA_ASK = "pykka, ask"
HAND_OFF = "two locks, there and back"

P50 = Figure("p50", LATENCY)
P99 = Figure("p99", LATENCY)

_TIMEOUT_S = 30.0
#: A bench that hangs must not hang its user.
PATIENCE_S = 300.0


def asking() -> Contest:
    """The answer is a field of the message."""
    return Contest(
        name="ask",
        question="How long does a question take, there and back, between two threads and between two actors of one?",
        contestants=(
            Contestant(OURS_ASK, lambda: _asked, ours=True),
            Contestant(INSIDE, lambda: _asked_inside, ours=True),
            Contestant(PYKKA_ASK, lambda: _asked_pykka),
            Contestant(HAND_OFF, lambda: handed_over),
        ),
        references=(PYKKA_ASK, HAND_OFF),
        figures=(P50, P99),
        count=1_000,
        rounds=7,
        note="of pykka and the locks nearly all of it is the operating system waking a thread, twice; ours looks for the answer "
        "before it sleeps, which pays where a core is free",
    )


class Answerer(Actor, receives=TradeTLV):
    """Answers with the price."""

    @handles
    def on_trade(self, trade: TradeTLV) -> int:
        """Read one field."""
        return trade.price


class Asking(Actor):
    """Asks another one, and takes the time."""

    def ask_often(self, ref: ActorRef[Answerer], count: int) -> tuple[float, float]:
        """In this actor's turn."""
        price, quantity, timestamp, venue_id = VALUES
        ask = ref.ask
        return _latencies(count, lambda: ask(TradeTLV(price, quantity, timestamp, venue_id), timeout=_TIMEOUT_S))


class PykkaAnswerer(pykka.ThreadingActor):
    """The same as plain pykka has it."""

    def on_receive(self, message: tuple[int, int, int, int]) -> int:
        """Read one field."""
        return message[0]


def _asked(count: int) -> tuple[float, float]:
    price, quantity, timestamp, venue_id = VALUES
    ref = Answerer.start()
    try:
        ask = ref.ask
        return _latencies(count, lambda: ask(TradeTLV(price, quantity, timestamp, venue_id), timeout=_TIMEOUT_S))
    finally:
        ref.stop()


def _asked_inside(count: int) -> tuple[float, float]:
    answering, asking = Answerer.start(), Asking.start()
    try:
        taken: tuple[float, float] = asking.proxy().ask_often(answering, count).get(timeout=PATIENCE_S)
        return taken
    finally:
        answering.stop()
        asking.stop()


def _asked_pykka(count: int) -> tuple[float, float]:
    price, quantity, timestamp, venue_id = VALUES
    ref = PykkaAnswerer.start()
    try:
        ask = ref.ask
        return _latencies(count, lambda: ask((price, quantity, timestamp, venue_id)))
    finally:
        ref.stop()


def handed_over(count: int) -> tuple[float, float]:
    """p50 and p99 of a lock released to another thread, and one released back."""
    there, back = Lock(), Lock()
    there.acquire()
    back.acquire()
    running = True

    def answer() -> None:
        while True:
            there.acquire()
            if not running:
                return
            back.release()

    def question() -> None:
        there.release()
        back.acquire()

    other = Thread(target=answer, daemon=True)
    other.start()
    try:
        return _latencies(count, question)
    finally:
        running = False
        there.release()
        other.join()


def _latencies(count: int, question: Callable[[], Any]) -> tuple[float, float]:
    """p50 and p99 of ``count`` questions, in seconds."""
    clock = perf_counter
    taken = []
    for _ in range(count):
        started = clock()
        question()
        taken.append(clock() - started)
    return quantiles(taken)


def quantiles(taken: list[float]) -> tuple[float, float]:
    """p50 and p99 of these times."""
    count = len(taken)
    taken.sort()
    return taken[count // 2], taken[min(count - 1, count * 99 // 100)]
