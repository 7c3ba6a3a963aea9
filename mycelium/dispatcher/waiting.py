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

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from mycelium.errors.actor import AskCycleError

from .current import running

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.gate import Gate
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Awaited", "note_gathered", "note_wait", "refuse_circle", "wait_inside", "wait_outside"]

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


#: What actors await in tasks that they gather, beside what each waits for itself; and whether each still does.
_gathered: dict[Mailbox, list[tuple[Awaited, Callable[[], bool]]]] = {}


@contextmanager
def note_gathered(gathered: tuple[Actor, Callable[[], bool]] | None, awaited: Awaited) -> Iterator[None]:
    """As `note_wait`, for one of several tasks that an actor awaits together, as long as the second one says so."""
    if gathered is None:
        yield
        return
    actor, still = gathered
    mailbox, noted = actor.mailbox, (awaited, still)
    waits = _gathered.setdefault(mailbox, [])
    waits.append(noted)
    try:
        _refuse_cycle(actor, awaited.target)
        yield
    finally:
        waits.remove(noted)
        if not waits:
            _gathered.pop(mailbox, None)


def refuse_circle(actor: Actor, awaited: Awaited, target: Mailbox) -> None:
    """Raise `AskCycleError` where ``target``, who is to answer in the place of ``actor``, waits for that answer."""
    path = _path_to(target, lambda mailbox: awaited in _waits_of(mailbox))
    if path:
        names = [actor.name, *(mailbox.tally.name for mailbox in path)]
        raise AskCycleError(actor=names[-1], cycle=" -> ".join([names[-1], *names]))


def _refuse_cycle(actor: Actor, target: Mailbox | None) -> None:
    if target is None:
        return
    own = actor.mailbox
    if target.waits_for is None and target is not own and target not in _gathered:
        return
    path = _path_to(target, lambda mailbox: mailbox is own)
    if path:
        cycle = " -> ".join([actor.name, *(mailbox.tally.name for mailbox in path)])
        raise AskCycleError(actor=actor.name, cycle=cycle)


def _waits_of(mailbox: Mailbox) -> tuple[Awaited, ...]:
    """All that its owner waits for."""
    own = mailbox.waits_for
    gathered = tuple(awaited for awaited, still in tuple(_gathered.get(mailbox, ())) if still())
    return gathered if own is None else (own, *gathered)


def _path_to(first: Mailbox, is_found: Callable[[Mailbox], bool]) -> list[Mailbox]:
    """From ``first`` along what each one waits for, to one that is found; empty where none is."""
    came_from: dict[Mailbox, Mailbox | None] = {first: None}
    ahead = [first]
    while ahead:
        mailbox = ahead.pop()
        if is_found(mailbox):
            path = [mailbox]
            while (before := came_from[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for awaited in _waits_of(mailbox):
            target = awaited.target
            if target is not None and target not in came_from:
                came_from[target] = mailbox
                ahead.append(target)
    return []
