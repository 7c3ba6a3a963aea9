"""Timers: messages of an actor to itself, later."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.actor.signals import Signal
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.errors.actor import NotReceivedError, TimerError
from mycelium.mailbox.mail import Sent
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.dispatcher.clock import Call, Clock
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Timer", "Timers"]


class Timer:
    """A message that is to come: what `Timers.once` and `Timers.every` give."""

    __slots__ = ("_call", "_clock", "_due_at", "_mailbox", "_period_s", "_timers", "_waits", "active", "message")

    def __init__(
        self, timers: Timers, mailbox: Mailbox, clock: Clock, message: Any, due_at: float, period_s: float | None
    ) -> None:
        self.message = message
        #: Whether it may still bring its message.
        self.active = True
        self._timers = timers
        self._mailbox = mailbox
        self._clock = clock
        self._due_at = due_at
        self._period_s = period_s
        self._waits = False
        self._call: Call = clock.call_at(due_at, self._come_due)

    def __repr__(self) -> str:
        kind = "once" if self._period_s is None else f"every {self._period_s} s"
        return f"Timer({kind}, {'active' if self.active else 'over'}, {self.message!r})"

    def cancel(self) -> None:
        """Bring no message any more, also not one that is due and waits in the mailbox. May be called twice."""
        self.active = False
        self._call.cancel()
        self._timers._forget(self)

    def _come_due(self) -> None:
        """In the clock's thread: let the actor know. What it has not come to yet is not put there twice."""
        if not self.active:
            return
        if not self._waits:
            self._waits = True
            self._mailbox.put(Envelope(Due(self)))
        if self._period_s is not None:
            # From when it was due, not from now: periods do not drift. Those that have passed already are left out.
            passed = max(self._clock.now() - self._due_at, 0.0) // self._period_s
            self._due_at += (passed + 1) * self._period_s
            self._call = self._clock.call_at(self._due_at, self._come_due)
            if not self.active:
                self._call.cancel()

    def _arrive(self, actor: Actor) -> Envelope[Any] | None:
        self._waits = False
        if not self.active:
            return None
        if self._period_s is None:
            self.active = False
            self._timers._forget(self)
        message = self.message
        if isinstance(message, TLV):
            actor.mailbox.tally.cell(type(message)).advance()
        return Sent(message, None, actor.actor_ref)


class Due(Signal):
    """What a timer puts into the mailbox."""

    __slots__ = ("timer",)

    def __init__(self, timer: Timer) -> None:
        self.timer = timer

    def __repr__(self) -> str:
        return f"due: {self.timer!r}"

    def arrive(self, actor: Actor) -> Envelope[Any] | None:
        """The message is sent now."""
        return self.timer._arrive(actor)


class Timers:
    """The timers of one actor. ::

        self.timers.once(0.5, Flush())
        beat = self.timers.every(1.0, Beat())
        beat.cancel()

    A message comes through the actor's own mailbox and to its handler, like any other, and the
    ledger counts it as sent and handled when it does. Times are seconds on the clock of the actor's
    dispatcher. All timers end with their actor.
    """

    __slots__ = ("_active", "_check", "_clock", "_mailbox", "_name")

    def __init__(self, actor: Actor, clock: Clock) -> None:
        self._mailbox = actor.mailbox
        self._clock = clock
        self._name = actor.name
        self._check = partial(_refuse_what_is_not_received, actor.name, type(actor))
        self._active: set[Timer] = set()

    def __len__(self) -> int:
        return len(self._active)

    def once(self, delay_s: float, message: Any) -> Timer:
        """Bring ``message`` after ``delay_s`` seconds.

        Raises `TimerError` for a time below 0 or without end, `NotReceivedError` for a message that
        the actor does not receive.
        """
        return self._start(delay_s, message, None)

    def every(self, period_s: float, message: Any) -> Timer:
        """Bring ``message`` each ``period_s`` seconds, for the first time after one period.

        Periods are counted from the start and do not drift. While one message waits in the mailbox,
        those that come due meanwhile are left out: an actor that is late gets one. Raises as `once`,
        and `TimerError` for a period of 0.
        """
        if period_s == 0:
            raise TimerError(actor=self._name, seconds=period_s)
        return self._start(period_s, message, period_s)

    def cancel_all(self) -> None:
        """Cancel every timer of this actor."""
        for timer in tuple(self._active):
            timer.cancel()

    def _start(self, seconds: float, message: Any, period_s: float | None) -> Timer:
        if not 0 <= seconds < inf:
            raise TimerError(actor=self._name, seconds=seconds)
        self._check(message)
        timer = Timer(self, self._mailbox, self._clock, message, self._clock.now() + seconds, period_s)
        self._active.add(timer)
        if not timer.active or self._mailbox.closed:
            timer.cancel()
        return timer

    def _forget(self, timer: Timer) -> None:
        self._active.discard(timer)


def _refuse_what_is_not_received(name: str, kind: type[Any], message: Any) -> None:
    received = contract_of(kind).receives
    if isinstance(message, TLV) and received and type(message) not in received:
        raise NotReceivedError(
            actor=name, message=shown(type(message)), received=", ".join(shown(one) for one in received)
        )
