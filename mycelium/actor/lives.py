"""How a life of an actor begins: its first one, and each one that a supervisor gives it after a failure; and the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, cast

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.lazy_event import LazyEvent

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox
    from mycelium.supervision.child import Child

__all__ = ["Lives"]

#: Held for a few steps, when an actor ends or somebody asks for its end: one for all.
_ending = Lock()


class Lives(pykka.Actor):
    """The part of an actor that knows of its supervisor. Everything here runs in the actor's own thread."""

    _mailbox: Mailbox
    #: Whether its life, this one of several, has begun.
    _begun = False
    #: What a supervisor knows of it; None for an actor without one.
    _supervision: Child | None = None
    #: Nothing, or its end as somebody has asked for it, or that this has come.
    _ended: LazyEvent | bool | None

    @property
    def ended(self) -> LazyEvent:
        """Set when all is over: hooks done, mail left over counted as dead letters."""
        event = self._ended
        if isinstance(event, LazyEvent):
            return event
        made = LazyEvent()
        with _ending:
            event = self._ended
            if isinstance(event, LazyEvent):
                return event
            if event:
                made.set()
            self._ended = made
        return made

    def stop(self, *, now: bool = False) -> None:
        """Stop this actor: as in pykka, after the mail that it has; or ``now``, ahead of it, which becomes dead letters."""
        if now:
            self._mailbox.steer(Envelope(_ActorStop()))
        else:
            super().stop()

    def _stop(self) -> None:
        """As pykka has it; but an `on_stop` that raises what ends programs fails as with any error: it has stopped."""
        try:
            super()._stop()
        except KeyboardInterrupt:
            raise
        except BaseException:
            self._handle_failure(*sys.exc_info())

    def pre_restart(self, error: BaseException) -> None:
        """Run code before a supervisor makes this actor anew; to be overridden. It still has its old state.

        In the actor's own thread, in place of `on_failure`. What it raises is logged.
        """

    def post_restart(self, error: BaseException) -> None:
        """Run code after it was made anew, `__init__` and `on_start` having run; to be overridden.

        In the actor's own thread. What it raises is a failure, as in a handler.
        """

    @property
    def _is_between_lives(self) -> bool:
        """Whether a supervisor has ended its last life, and the next one has not begun."""
        return self._supervision is not None and self._supervision.is_due

    def _begin(self, bind_hooks: Callable[[Actor], None] | None = None) -> bool:
        """Begin its life, or its next one; False while it pauses before that."""
        if self._supervision is None or not self._supervision.is_due:
            self._begun = True
            self._bind(bind_hooks)
            self._actor_loop_setup()
        elif not self.actor_stopped.is_set():
            if self._mailbox.paused:
                return False
            self._begun = True
            self._supervision.renew(cast("Actor", self), bind_hooks)
        return True

    def _bind(self, bind_hooks: Callable[[Actor], None] | None) -> None:
        self._bind_handlers()
        if bind_hooks is not None:
            bind_hooks(cast("Actor", self))

    def _bind_handlers(self) -> None:
        """What `Handling` does when a life begins."""

    def _end_life(self) -> None:
        """End what this life does beside its mail, the next one being due; what it raises is logged."""
        self._end_timers_and_watches()

    def _can_resume(self, message: object) -> bool:
        """Whether it can go on with its state after having failed on this; a source whose `produce` has ended cannot."""
        return True

    def _resume_work(self) -> None:
        """After a restart: go on with what is no mail. A source does."""

    def _end_timers_and_watches(self) -> None:
        made = vars(self)
        if "timers" in made:
            made["timers"].cancel_all()
        if "watches" in made:
            made["watches"].end_all()

    def _note_end(self) -> None:
        with _ending:
            event, self._ended = self._ended, self._ended or True
        if isinstance(event, LazyEvent):
            event.set()
