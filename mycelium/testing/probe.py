"""Probe: stands where an actor would, and says what came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition
from types import TracebackType
from typing import Any, Self, TypeVar

from mycelium.actor.actor import Actor
from mycelium.actor.context import ActorContext
from mycelium.actor.ref import ActorRef
from mycelium.contracts.contract import contract_of
from mycelium.contracts.handlers import handles
from mycelium.contracts.message_sets import messages_of, shown
from mycelium.dispatcher.current import running
from mycelium.errors.actor import NotReceivedError
from mycelium.errors.testing import ExpectationError
from mycelium.routing.route_plan import plan_routes
from mycelium.routing.router import connect
from mycelium.texts import text_of
from tlv import TLV

__all__ = ["Probe"]

A = TypeVar("A", bound=Actor)
M = TypeVar("M", bound=TLV)

#: Seconds that a probe waits where a test says nothing; virtual ones in a simulation.
TIMEOUT_S = 3.0


class Probe:
    """Receives the messages that it names, as an actor of its own, and keeps them in order. ::

        with Probe(Market) as probe:
            bars = probe.around(Bars, BarsConfig())     # what Bars emits goes to the probe
            bars.tell(Market.Trade(price=5))
            bar = probe.expect(Market.Bar, where=lambda bar: bar.low == 5)
            probe.expect_none(0.1)

    ``messages`` are message classes and sets, as in ``receives=``. ``probe.ref`` goes wherever a ref
    goes, ``probe.actor_class`` into a topology; ``answer`` gives the replies to asks. Each expectation
    is about the next message that none has been about. It waits for ``timeout`` seconds; in a
    `Simulation` these are virtual, and the actors have their turns meanwhile.

    Raises `ExpectationError`, an ``AssertionError``, which tells what came instead; `NotReceivedError`
    for a message that the probe does not receive.
    """

    def __init__(self, *messages: Any, name: str = "probe", answer: Callable[[TLV], Any] | None = None) -> None:
        self.name = name
        self.actor_class = _class_for(self, messages)
        self._answer = answer
        self._changed = Condition()
        self._new: deque[TLV] = deque()
        self._seen: list[TLV] = []
        self._ref: ActorRef[Any] | None = None
        self._around: list[ActorRef[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref of the probe; the first look starts it."""
        if self._ref is None:
            self._ref = self.actor_class.create(context=ActorContext(name=self.name)).launch()
        return self._ref

    @property
    def received(self) -> tuple[TLV, ...]:
        """All that has come so far, whether expected or not."""
        with self._changed:
            return (*self._seen, *self._new)

    def around(self, actor_class: type[A], *args: Any, context: ActorContext | None = None) -> ActorRef[A]:
        """Start an actor whose emissions go to this probe, and stop it with the probe; its ref."""
        actor = actor_class.create(*args, context=context)
        probe = self.actor_class.create(context=ActorContext(name=self.name))
        plan = plan_routes(
            {"actor": actor_class, "probe": self.actor_class}, listens={"probe": ("actor",), "actor": ()}
        )
        connect({"actor": actor, "probe": probe}, plan)
        self._around.append(probe.launch())
        ref = actor.launch()
        self._around.insert(0, ref)
        return ref

    def expect(self, message: type[M], *, where: Callable[[M], bool] | None = None, timeout: float = TIMEOUT_S) -> M:
        """The next message, which must be a ``message`` for which ``where`` holds."""
        self._check(message)
        expected = _expectation(message, where)
        came = self._next(timeout, expected)
        if isinstance(came, message) and (where is None or where(came)):
            return came
        raise self._failure(expected, f"{text_of(came, repr)} came", before=self._seen[:-1])

    def expect_all(self, messages: Iterable[TLV | type[TLV]], *, timeout: float = TIMEOUT_S) -> list[TLV]:
        """The next messages, which must be these, in this order; a class stands for any message of it."""
        found: list[TLV] = []
        for place, wanted in enumerate(messages, 1):
            kind = wanted if isinstance(wanted, type) else type(wanted)
            self._check(kind)
            expected = f"{kind.__name__ if wanted is kind else text_of(wanted, repr)} as number {place}"
            came = self._next(timeout, expected)
            if type(came) is not kind or not (wanted is kind or came == wanted):
                raise self._failure(expected, f"{text_of(came, repr)} came", before=self._seen[:-1])
            found.append(came)
        return found

    def wait_for(self, message: type[M], *, where: Callable[[M], bool] | None = None, timeout: float = TIMEOUT_S) -> M:
        """The first of the next messages that is a ``message`` for which ``where`` holds; the others are passed over.

        ``timeout`` is for each of them.
        """
        self._check(message)
        while True:
            came = self._next(timeout, _expectation(message, where))
            if isinstance(came, message) and (where is None or where(came)):
                return came

    def expect_none(self, timeout: float = 0.0) -> None:
        """No message may have come, nor come within ``timeout`` seconds."""
        if self._wait(timeout):
            raise self._failure("no message", f"{text_of(self._new[0], repr)} came", before=self._seen)

    def stop(self) -> None:
        """Stop the probe, and first the actors that it was put around."""
        for ref in (*self._around, *([self._ref] if self._ref is not None else [])):
            ref.stop()
        self._around.clear()

    def _take(self, message: TLV) -> Any:
        with self._changed:
            self._new.append(message.to_owned())
            self._changed.notify_all()
        return None if self._answer is None else self._answer(message)

    def _check(self, message: type[TLV]) -> None:
        received = contract_of(self.actor_class).receives
        if message not in received:
            names = ", ".join(shown(one) for one in received)
            raise NotReceivedError(actor=self.name, message=shown(message), received=names)

    def _next(self, timeout: float, expected: str) -> TLV:
        if not self._wait(timeout):
            raise self._failure(expected, f"nothing came within {timeout} s", before=self._seen)
        with self._changed:
            came = self._new.popleft()
            self._seen.append(came)
        return came

    def _wait(self, timeout: float) -> bool:
        if running.simulation is not None:
            return running.simulation.run_until(lambda: bool(self._new), timeout)
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._new), timeout)

    def _failure(self, expected: str, came: str, before: list[TLV]) -> ExpectationError:
        told = ", ".join(text_of(one, repr) for one in before[-5:]) or "nothing"
        more = f"{len(before) - 5} others and " if len(before) > 5 else ""
        return ExpectationError(probe=self.name, expected=expected, came=came, before=more + told)


def _class_for(probe: Probe, messages: tuple[Any, ...]) -> type[Actor]:
    # A thread of its own: the actors under test may hold that of the default dispatcher.
    class ProbeActor(Actor, receives=messages_of("Probe()", messages), dispatcher="pinned"):
        use_daemon_thread = True

        @handles
        def on_message(self, message: TLV) -> Any:
            return probe._take(message)

    return ProbeActor


def _expectation(message: type[TLV], where: Callable[[Any], bool] | None) -> str:
    return message.__name__ if where is None else f"{message.__name__} where {getattr(where, '__name__', where)} holds"
