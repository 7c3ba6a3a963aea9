"""A supervised actor, as its supervisor knows it: carries out what was decided, in the actor's own thread."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.actor.signals import Signal
from mycelium.attempted_log import try_to_log
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.mailbox.mail import Keyed, is_control
from mycelium.mailbox.mailbox import Mailbox
from tlv import TLV

from .policy import Directive, Mail
from .rebirth import make_anew

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef

    from .supervisor import Supervisor

__all__ = ["Child", "Touched"]


class Reborn(Signal):
    """Mail for an actor that is to be made anew, so that it has a turn."""

    __slots__ = ()

    def arrive(self, actor: Actor) -> None:
        """It has had its turn."""


class Touched(Signal):
    """Tells an actor that it is restarted because another one failed."""

    __slots__ = ("error", "number")

    def __init__(self, error: BaseException, number: int) -> None:
        self.error = error
        self.number = number

    def arrive(self, actor: Actor) -> None:
        """Restart, unless it was made anew after the failure that this is about."""
        child = actor._supervision
        if child is not None and child.made_at < self.number:
            child.restart(actor, self.error, 0.0)


class Child:
    """One actor of a supervisor."""

    __slots__ = ("_args", "_attempts", "_error", "_kwargs", "_message", "made_at", "ref", "restarted_at", "supervisor")

    def __init__(
        self, supervisor: Supervisor, ref: ActorRef[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.supervisor = supervisor
        self.ref = ref
        #: The number of the failure after which it was made last.
        self.made_at = 0
        #: When it was restarted lately: what the pause depends on.
        self.restarted_at: list[float] = []
        self._args = args
        self._kwargs = kwargs
        self._error: BaseException | None = None
        #: What it failed on last, and how often.
        self._message: Any = None
        self._attempts = 0

    def catch(self, actor: Actor, message: Any, messages: Sequence[Any]) -> bool:
        """Do what the supervisor decides about the error being handled; False where the actor is to end of it.

        ``messages`` are those that the failed handler had, in order.
        """
        error = sys.exc_info()[1]
        assert error is not None
        if self.is_due:  # what a source does after the error that ended its life
            try_to_log(actor.log.error, "failed again before its restart", exc_info=error)
            return True
        decision = self.supervisor._decide(self, error, actor._clock(), may_resume=actor._can_resume(message))
        if decision.directive not in {Directive.RESUME, Directive.RESTART}:
            return False
        actor._in_hand = message
        actor._log_failure(error)
        if decision.directive is Directive.RESTART:
            self._give_back(actor, messages)
            self.restart(actor, error, decision.delay_s)
        return True

    def restart(self, actor: Actor, error: BaseException, delay_s: float) -> None:
        """End the old life, and have the new one begin after a pause."""
        mailbox = actor.mailbox
        self._error = error
        actor._begun = False
        for hook in (partial(actor.pre_restart, error), actor._end_life):
            try:
                hook()
            except KeyboardInterrupt:
                raise
            except BaseException as further:
                try_to_log(actor.log.error, "failed before a restart", exc_info=further)
        if self.supervisor.mail is Mail.DROP:
            _drop_mail(mailbox)
        mailbox.tally.restarts += 1
        try_to_log(actor.log.warning, "actor restarts", pause_s=round(delay_s, 3), restarts=mailbox.tally.restarts)
        if delay_s > 0:
            clock = actor._clock()
            mailbox.paused = True
            clock.call_at(clock.now() + delay_s, mailbox.resume)
        mailbox.steer(Envelope(Reborn()))

    @property
    def is_due(self) -> bool:
        """Whether the actor is to be made anew."""
        return self._error is not None

    def renew(self, actor: Actor, bind_hooks: Callable[[Actor], None] | None = None) -> None:
        """Make the actor anew: ``__init__``, ``on_start``, ``post_restart``. An error in these is a failure like others.

        ``bind_hooks`` is what an event loop does with hooks that are coroutines.
        """
        error, self._error = self._error, None
        assert error is not None
        self.made_at = self.supervisor._failures
        try:
            try:
                make_anew(actor, self._args, self._kwargs)
            finally:
                actor._bind(bind_hooks)
            actor.on_start()
            actor.post_restart(error)
            actor._resume_work()
        except KeyboardInterrupt:
            raise
        except BaseException:
            actor._fail(None, ())

    def _give_back(self, actor: Actor, messages: Sequence[Any]) -> None:
        """Put back what is to be tried again; what has failed too often is a dead letter."""
        messages = [one for one in messages if not is_control(one)]
        if not messages:
            return
        tally = actor.mailbox.tally
        self._attempts = self._attempts + 1 if messages[0] is self._message else 1
        again = self._attempts < self.supervisor.attempts
        self._message = messages[0] if again else None
        for one in reversed(messages):
            if isinstance(one, TLV):
                cell = tally.cell(type(one))
                cell.handled -= 1
                cell.failed -= 1
                tally.given_back += 1
            if again:
                envelope = actor._envelope
                came_in_it = envelope is not None and envelope.message is one
                actor.mailbox.items.appendleft(envelope if came_in_it else one)
        if again:
            return
        for one in messages:
            tally.count_dead(type(one))
            reason = f"its handler failed, {self._attempts} of {self.supervisor.attempts} times"
            publish(DeadLetterKind.UNHANDLED, tally.name, one, reason, told=True)


def _drop_mail(mailbox: Mailbox) -> None:
    """Make dead letters of what waits; what steers the actor stays."""
    items = mailbox.items
    for _ in range(len(items)):
        item = items.popleft()
        if isinstance(item, Envelope) and is_control(item.message):
            items.append(item)
        else:
            if type(item) is Keyed:
                item.take()
            mailbox._bury(item, told=False)
