"""Dead letters: messages that no handler got, as a stream that one can subscribe to. ::

    from mycelium import dead_letters

    subscription = dead_letters.subscribe(print)        # or the ref of an actor
    ...
    subscription.cancel()

They are counted by the ledger, whether somebody listens or not; and what its sender was not told of
by an exception is logged. Both are limited: of one kind, actor and message type, one letter in
``every_s`` seconds, which says how many were left out before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import RLock
from typing import Any

import pykka

from mycelium.attempted_log import try_to_log
from mycelium.contracts.message_sets import shown
from mycelium.dispatcher.clock import clock
from mycelium.imports.light_structlog import structlog
from mycelium.texts import text_of

__all__ = ["DeadLetter", "DeadLetterKind", "Subscription", "publish", "subscribe"]

#: Seconds between two log lines, or two letters to one subscriber, about one type at one actor.
EVERY_S = 1.0
#: Kinds, actors and types that a limit tells apart, at most; then it starts anew.
PLACES_MAX = 4096


class DeadLetterKind(StrEnum):
    """Why no handler got it."""

    DEAD_RECEIVER = "dead receiver"
    """The receiver had stopped, or stopped before it came to it."""

    UNHANDLED = "unhandled"
    """The receiver took it, and has no handler for it: it came to the `on_receive` that actors begin with."""

    DROPPED = "dropped"
    """The receiver's mailbox was full, and its policy let go of it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no handler got."""

    kind: DeadLetterKind
    actor: str
    """The name of the receiver."""
    message: Any
    reason: str
    suppressed: int = 0
    """How many like it (kind, actor, message type) were left out since the last one that you got."""


class Limit:
    """Lets one letter in ``every_s`` seconds through for each place, and counts the others."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._places: dict[tuple[str, str, type[Any]], tuple[float, int]] = {}
        self._lock = RLock()  # a finalizer may come in the middle

    def passed(self, letter: DeadLetter) -> DeadLetter | None:
        """The letter, with the number of those before it that were left out; None where it is left out."""
        if not self._every_s:
            return letter
        place = (letter.kind, letter.actor, type(letter.message))
        now = clock.now()
        with self._lock:
            if len(self._places) >= PLACES_MAX and place not in self._places:
                self._places.clear()
            next_at, suppressed = self._places.get(place, (now, 0))
            if now < next_at:
                self._places[place] = (next_at, suppressed + 1)
                return None
            self._places[place] = (now + self._every_s, 0)
        return replace(letter, suppressed=suppressed) if suppressed else letter


class Subscription:
    """Somebody who gets the letters, until he cancels."""

    def __init__(self, to: Callable[[DeadLetter], object] | pykka.ActorRef[Any], every_s: float) -> None:
        self._deliver = to.tell if isinstance(to, pykka.ActorRef) else to
        self._limit = Limit(every_s)

    def cancel(self) -> None:
        """Get no more. May be called twice."""
        _change(lambda one: one is not self)

    def _offer(self, letter: DeadLetter) -> None:
        passed = self._limit.passed(letter)
        if passed is None:
            return
        try:
            self._deliver(passed)
        except pykka.ActorDeadError:
            self.cancel()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            try_to_log(structlog.get_logger().error, "a subscriber to dead letters failed", exc_info=error)


_lock = RLock()
_subscriptions: tuple[Subscription, ...] = ()
_log_limit = Limit(EVERY_S)


def subscribe(to: Callable[[DeadLetter], object] | pykka.ActorRef[Any], *, every_s: float = EVERY_S) -> Subscription:
    """Have each `DeadLetter` of this process called with or told to ``to``, an actor getting it in `on_receive`.

    Of one kind, actor and message type, one in ``every_s`` seconds; with 0, all of them. A callable is
    called in the thread that found the letter and must be quick; what it raises is logged. The
    subscription of an actor ends with it.
    """
    global _subscriptions
    made = Subscription(to, every_s)
    with _lock:
        _subscriptions = (*_subscriptions, made)
    return made


def publish(kind: DeadLetterKind, actor: str, message: Any, reason: str, *, told: bool = False) -> None:
    """Tell of a message that no handler got; ``told`` where its sender gets an exception, or a log line says so already.

    It does not count: whoever finds a dead letter counts it.
    """
    if isinstance(message, DeadLetter) or (told and not _subscriptions):
        return  # a letter about a letter would have no end
    letter = DeadLetter(kind, actor, message, reason)
    for subscription in _subscriptions:
        subscription._offer(letter)
    if not told and (passed := _log_limit.passed(letter)) is not None:
        try_to_log(
            structlog.get_logger(actor=actor).warning,
            "dead letter",
            kind=kind.value,
            message=shown(type(message)),
            content=text_of(message, repr)[:500],
            reason=reason,
            suppressed=passed.suppressed,
        )


def _change(keep: Callable[[Subscription], bool]) -> None:
    global _subscriptions
    with _lock:
        _subscriptions = tuple(one for one in _subscriptions if keep(one))
