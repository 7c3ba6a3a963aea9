"""What happens when an actor waits for another actor's answer.

A handler that waits on a shared dispatcher holds a worker that others need; one of them may be the
actor that is to answer. So, in this order:

* Waiting in a circle can never end, and is refused: A waits for B, who waits for A. An actor handles
  one message at a time, so whoever waits handles none.
* The actor that is to answer gets its turn right here, inside the one that waits, if nobody else is
  running it. That is sound because the outer one cannot go on before the inner one has answered,
  and it makes an ask between two actors a few calls instead of two switches of threads.
* Otherwise another thread takes over the worker's duty for as long as it waits.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

from mycelium.errors.actor import AskCycleError

from .current import running

if TYPE_CHECKING:
    from mycelium.actor import Actor
    from mycelium.gate import Gate
    from mycelium.mailbox import Mailbox

__all__ = ["Awaited", "note_wait", "refuse_circle", "wait_inside", "wait_outside"]

#: Actors that run inside each other on one stack, at most; further ones wait as if they were elsewhere.
DEPTH_MAX = 16


class Awaited(Protocol):
    """What an actor waits for: a `Reply`, or a `Mailbox` that is to have room."""

    @property
    def target(self) -> Mailbox | None:
        """Who is to bring it about, where that is known. Another one, once it was forwarded."""


def wait_inside(actor: Actor, awaited: Awaited, waiter: Gate | Lock, seconds: float) -> bool:
    """Wait in ``actor`` until the lock is open, for ``seconds`` or (-1) without end; whether it is open.

    Raises `AskCycleError`.
    """
    with note_wait(actor, awaited):
        if running.simulation is not None:
            return running.simulation.wait(waiter, seconds)
        dispatcher = actor.mailbox.dispatcher
        if dispatcher is None:
            return waiter.acquire(timeout=seconds)
        target = None
        while target is not awaited.target:
            target = awaited.target
            if (
                target is not None
                and target.dispatcher is dispatcher
                and running.depth < DEPTH_MAX
                and dispatcher.run_inside(target, awaited, waiter, seconds)
                and waiter.acquire(blocking=False)
            ):
                return True
        dispatcher.refuse_wait(actor, target)
        with dispatcher.blocking():
            return waiter.acquire(timeout=seconds)


def wait_outside(waiter: Gate | Lock, seconds: float) -> bool:
    """As `wait_inside`, for a thread that runs no actor; in a simulation, the actors run meanwhile."""
    if running.simulation is None:
        return waiter.acquire(timeout=seconds)
    return running.simulation.wait(waiter, seconds)


class note_wait:  # noqa: N801 - used as a function is; a generator would take a tenth of an ask
    """While ``actor`` waits: let others see for what. Raises `AskCycleError`."""

    __slots__ = ("_actor", "_awaited", "_mailbox", "_outer")

    def __init__(self, actor: Actor | None, awaited: Awaited) -> None:
        self._actor = actor
        self._awaited = awaited

    def __enter__(self) -> None:
        if self._actor is None:
            return
        self._mailbox = self._actor.mailbox
        self._outer = self._mailbox.waits_for
        self._mailbox.waits_for = self._awaited
        try:
            _refuse_cycle(self._actor, self._awaited.target)
        except BaseException:
            self._mailbox.waits_for = self._outer
            raise

    def __exit__(self, *_: object) -> None:
        if self._actor is not None:
            self._mailbox.waits_for = self._outer


def refuse_circle(actor: Actor, awaited: Awaited, target: Mailbox) -> None:
    """Raise `AskCycleError` where ``target``, who is to answer in the place of ``actor``, waits for that answer."""
    names = [actor.name]
    seen: Mailbox | None = target
    while seen is not None and len(names) < 1000:
        names.append(seen.tally.name)
        if seen.waits_for is awaited:
            raise AskCycleError(actor=seen.tally.name, cycle=" -> ".join([seen.tally.name, *names]))
        seen = seen.waits_for.target if seen.waits_for is not None else None


def _refuse_cycle(actor: Actor, target: Mailbox | None) -> None:
    if target is None or (target.waits_for is None and target is not actor.mailbox):
        return
    names = [actor.name]
    seen: Mailbox | None = target
    while seen is not None and len(names) < 1000:
        names.append(seen.tally.name)
        if seen is actor.mailbox:
            raise AskCycleError(actor=actor.name, cycle=" -> ".join(names))
        seen = seen.waits_for.target if seen.waits_for is not None else None
