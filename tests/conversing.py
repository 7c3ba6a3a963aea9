"""What the tests of asking, forwarding and piping share: the messages, and who runs the actors."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorContext, Ledger
from mycelium.dispatcher.current import running, settle
from mycelium.testing import Simulation
from tlv import TLV, i64

DEADLINE = 30.0


class Ping(TLV, type=1000):
    number: i64


class Pong(TLV, type=1001):
    number: i64


@pytest.fixture(params=["default", "pinned", "asyncio", "simulation"])
def dispatcher(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a dispatcher; in a simulation it is the simulation that runs them."""
    if request.param == "simulation":
        with Simulation(seed=5):
            yield "default"
    else:
        yield request.param
        pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert pykka.ActorRegistry.get_all() == []


class Notes:
    """What happened, from any thread."""

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self._changed = threading.Condition()

    def add(self, what: Any) -> None:
        with self._changed:
            self.happened.append(what)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        """Wait until that many things have happened; a simulation runs meanwhile."""
        if running.simulation is not None:
            running.simulation.run_until(lambda: len(self.happened) >= count, DEADLINE)
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.happened) >= count, DEADLINE), self.happened
            return list(self.happened)


def on(kind: type[Any], dispatcher: str) -> type[Any]:
    """The same actor, run by that one."""
    return types.new_class(kind.__name__, (kind,), {"dispatcher": dispatcher})


def named(kind: type[Any], name: str, *args: Any) -> Any:
    """An actor that runs, by that name."""
    actor = kind.create(*args, context=ActorContext(name=name))
    actor.launch()
    return actor


def end(*actors: Actor) -> Ledger:
    """Stop them, and the ledger of what they did, which balances."""
    for actor in actors:
        if actor.actor_ref.is_alive():
            actor.actor_ref.stop(block=False)
        settle()
        assert actor.ended.wait(DEADLINE), actor.name
    ledger = Ledger(actors)
    assert ledger.balanced, ledger.read()
    return ledger


class Held:
    """Keeps an actor in its handler until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gate = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.gate.wait(DEADLINE)


def sender_name(sender: Any) -> str | None:
    """The name of the actor behind a ref."""
    return None if sender is None else sender._mailbox.tally.name
