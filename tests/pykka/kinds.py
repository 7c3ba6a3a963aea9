"""pykka's kind of actor and ours, which its behaviours are tested on, and actors to test them with."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pykka

from mycelium import Actor
from tests.thread_ends import wait_for_ends

DEADLINE = 30.0


class Pinned(Actor, dispatcher="pinned"):
    """An actor with a thread of its own, as pykka's have."""


class InLoop(Actor, dispatcher="asyncio"):
    """An actor on the event loop."""


KINDS: dict[str, type[Any]] = {"pykka": pykka.ThreadingActor, "mycelium": Actor, "pinned": Pinned, "asyncio": InLoop}


def waited_for_by(kind: type[Any]) -> type[Any]:
    """Whom an actor of this kind may wait for in a plain handler: on an event loop, only those who are not on it."""
    return Pinned if kind is InLoop else kind


@contextmanager
def nothing_left_running() -> Iterator[None]:
    """Stop all actors at the end, and wait for the threads that began in between."""
    before = threading.enumerate()
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert pykka.ActorRegistry.get_all() == []
    # An actor is out of the registry before its last hook and its last log: those belong to this test, not to the next.
    wait_for_ends(before)


def as_actor(behaviour: type[Any], kind: type[Any]) -> Any:
    """An actor class of this kind with the methods of that one."""
    return types.new_class(behaviour.__name__, (behaviour, kind))


class Notes:
    """What happened to an actor, from any thread."""

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self._changed = threading.Condition()

    def add(self, what: Any) -> None:
        with self._changed:
            self.happened.append(what)
            self._changed.notify_all()

    def wait_for(self, *what: Any) -> list[Any]:
        """Wait until all of these have happened."""
        with self._changed:
            assert self._changed.wait_for(lambda: all(one in self.happened for one in what), DEADLINE), self.happened
            return list(self.happened)


class Noting:
    """An actor that notes what it gets and what its hooks see; told a callable, it calls it with itself."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes
        self._notes.add(("made in", threading.current_thread().name))

    def on_start(self) -> None:
        self._notes.add("started")

    def on_stop(self) -> None:
        self._notes.add("stopped")

    def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
        self._notes.add(("failed", kind, str(value), trace is not None))

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self._notes.add(message)
        return message


class Service:
    """An actor to be used by proxy."""

    colour = "red"

    def __init__(self, *numbers: int, **settings: int) -> None:
        super().__init__()
        self.numbers = list(numbers)
        self.settings = settings
        self.nested = pykka.traversable(Nested())
        self._secret = 1

    def add(self, number: int, *, times: int = 1) -> int:
        self.numbers.extend([number] * times)
        return sum(self.numbers)

    def fail(self) -> None:
        msg = "as asked"
        raise LookupError(msg)


class Nested:
    def __init__(self) -> None:
        self.depth = 2

    def double(self) -> int:
        return 2 * self.depth


def raising(error: BaseException) -> Any:
    def call(actor: Any) -> None:
        raise error

    return call


class Gate:
    """Told to an actor, holds it until opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, actor: Any) -> None:
        self.entered.set()
        assert self._open.wait(DEADLINE)

    def open(self) -> None:
        self._open.set()
