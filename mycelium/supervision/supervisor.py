"""Supervisor: starts actors, and decides what follows when one of them fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from pykka._envelope import Envelope

from mycelium.actor.actor import Actor
from mycelium.dispatcher.current import running
from mycelium.errors.actor import SupervisionError
from mycelium.numbers import rule_broken
from mycelium.texts import text_of

from .child import Child, Touched
from .codes import problem_of_code, unknown_codes
from .policy import Backoff, Directive, Mail, Rules, Strategy, check

if TYPE_CHECKING:
    from mycelium.actor.ref import ActorRef
    from mycelium.dispatcher.clock import Clock

__all__ = ["Supervisor"]

A = TypeVar("A", bound=Actor)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the failed actor is to do, and after which pause."""

    directive: Directive
    delay_s: float = 0.0


class Supervisor:
    """Starts actors and keeps them going. ::

        feeds = Supervisor(
            on_error={"TLV": "resume", ConnectionError: "restart", "ACT-003": "stop"},
            limit=5, within_s=60.0, backoff=Backoff(first_s=0.5),
        )
        ref = feeds.start(Feed, config)

    ``strategy`` says whom a failure touches, ``on_error`` what follows which error (a code, a class, a
    family of codes; the most special one holds) and ``otherwise`` what follows all others. At most
    ``limit`` restarts in ``within_s`` seconds over all its actors; one more is escalated: to
    ``parent``, who decides for all of them, and without one they stop. ``backoff`` is the pause
    before a restart, ``mail`` whether what waits is kept or becomes dead letters. A message on which a
    restarted actor has failed ``attempts`` times is a dead letter; by default it is tried once.

    It is no actor and has no thread: it decides in the thread of the one that fails, and ``clock`` is
    by default that one's. A ref stays valid across restarts. Raises `SupervisionError` for settings that cannot be.
    A code in ``on_error`` is to be declared, its module imported, by the time of the first `start`.
    """

    def __init__(
        self,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        *,
        on_error: Mapping[str | type[BaseException], Directive | str] | None = None,
        otherwise: Directive | str = Directive.RESTART,
        limit: int = 3,
        within_s: float = 60.0,
        backoff: Backoff | None = None,
        mail: Mail | str = Mail.KEEP,
        attempts: int = 1,
        parent: Supervisor | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.strategy = _one_of(Strategy, "strategy", strategy)
        self.mail = _one_of(Mail, "mail", mail)
        check("limit", limit, rule_broken(limit, whole=True))
        check("within_s", within_s, "" if within_s == inf else rule_broken(within_s, whole=False))
        check("attempts", attempts, rule_broken(attempts, least=1, whole=True))
        check("backoff", backoff, _unless(backoff, Backoff, "a Backoff: Backoff(first_s=0.5)"))
        check("parent", parent, _unless(parent, Supervisor, "a Supervisor"))
        check("clock", clock, "" if clock is None or hasattr(clock, "call_at") else "a Clock")
        check("random", random, _unless(random, Random, "a random.Random"))
        self.limit = limit
        self.within_s = within_s
        self.attempts = attempts
        self.backoff = backoff or Backoff()
        self._rules = Rules({} if on_error is None else on_error, otherwise)
        self._codes_are_known = False
        self._parent = parent
        self._clock = clock
        self._random = random or _usual_random()
        self._lock: RLock = RLock() if parent is None else parent._lock
        self._members: list[Child | Supervisor] = []
        self._restarted_at: deque[float] = deque()
        self._failures = 0
        if parent is not None:
            parent._members.append(self)

    def start(self, actor_class: type[A], *args: Any, **kwargs: Any) -> ActorRef[A]:
        """Make an actor, run it, and supervise it from its first message on.

        What ``__init__`` raises at the first time goes to the caller, and an error in the first
        ``on_start`` ends the actor. A source that is restarted runs `produce` again; what it has
        emitted it has emitted, and ``self.emitted`` goes on counting.

        Raises `SupervisionError` where ``on_error``, its own or that of one above, names a code that nobody has declared.
        """
        self._refuse_unknown_codes()
        actor = actor_class.create(*args, **kwargs)
        kwargs.pop("context", None)
        self._adopt(actor, args, kwargs)
        return actor.launch()

    def _adopt(self, actor: Actor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Supervise an actor that was created with these arguments, and is not launched yet."""
        child = Child(self, actor.actor_ref, args, kwargs)
        actor._supervision = child
        with self._lock:
            self._members = [one for one in self._members if isinstance(one, Supervisor) or one.ref.is_alive()]
            self._members.append(child)

    def _refuse_unknown_codes(self) -> None:
        """A rule about a code that nobody has declared would never hold. Codes do not go away, so once is enough."""
        if self._codes_are_known:
            return
        for code in unknown_codes(self._rules.codes):
            raise SupervisionError(
                setting="on_error",
                value=repr(code),
                expected=f"codes and families of errors whose modules are imported; {problem_of_code(code)}",
            )
        if self._parent is not None:
            self._parent._refuse_unknown_codes()
        self._codes_are_known = True

    @property
    def refs(self) -> tuple[ActorRef[Any], ...]:
        """Its actors that run, in the order of their start, those of supervisors below it included."""
        with self._lock:
            return tuple(child.ref for child in self._children() if child.ref.is_alive())

    def stop(self) -> None:
        """Tell all its actors to stop, those that were started last first; does not wait for them."""
        for ref in reversed(self.refs):
            ref.stop(block=False)

    def _children(self) -> list[Child]:
        found: list[Child] = []
        for member in self._members:
            found.extend(member._children() if isinstance(member, Supervisor) else [member])
        return found

    def _decide(self, child: Child, error: BaseException, usual: Clock, *, may_resume: bool) -> Decision:
        """What ``child`` is to do after this error; those whom it touches too are told by now. ``usual`` is the actor's clock."""
        with self._lock:
            return self._decide_for(child, child, error, usual, may_resume)

    def _decide_for(
        self, member: Child | Supervisor, failed: Child, error: BaseException, usual: Clock, may_resume: bool
    ) -> Decision:
        now = (self._clock or usual).now()
        directive = self._rules.directive_for(error)
        if directive is Directive.RESUME and not may_resume:
            directive = Directive.RESTART
        if directive is Directive.RESUME:
            return Decision(directive)
        if directive is Directive.RESTART and not self._may_restart(now):
            directive = Directive.ESCALATE
        if directive is Directive.ESCALATE:
            if self._parent is not None:
                return self._parent._decide_for(self, failed, error, usual, may_resume)
            touched = self._children()
        else:
            touched = self._touched_by(member)
        others = [one for one in touched if one is not failed and one.ref.is_alive()]
        if directive is not Directive.RESTART:
            for other in reversed(others):
                other.ref.stop(block=False, now=True)
            return Decision(Directive.STOP)
        failed.supervisor._failures += 1
        for other in others:
            if other.supervisor is not failed.supervisor:
                other.supervisor._failures += 1
        for other in others:
            # Ahead of the mail: it is for the new life.
            other.ref.mailbox.steer(Envelope(Touched(error, other.supervisor._failures)))
        return Decision(directive, self._pause_of(failed, now))

    def _touched_by(self, member: Child | Supervisor) -> list[Child]:
        if self.strategy is Strategy.ONE_FOR_ONE:
            members = [member]
        elif self.strategy is Strategy.ALL_FOR_ONE:
            members = self._members
        else:
            members = self._members[self._members.index(member) :]
        return [child for one in members for child in (one._children() if isinstance(one, Supervisor) else [one])]

    def _may_restart(self, now: float) -> bool:
        recent = self._restarted_at
        while recent and recent[0] <= now - self.within_s:
            recent.popleft()
        if len(recent) >= self.limit:
            return False
        recent.append(now)
        return True

    def _pause_of(self, failed: Child, now: float) -> float:
        failed.restarted_at = [at for at in failed.restarted_at if at > now - self.within_s]
        failed.restarted_at.append(now)
        return self.backoff.delay_s(len(failed.restarted_at), self._random)


E = TypeVar("E", Strategy, Mail)


def _usual_random() -> Random:
    """Chance; in a simulation, that of its seed."""
    return Random() if running.simulation is None else Random(running.simulation.seed)  # noqa: S311 - spreads restarts, guards nothing


def _one_of(kind: type[E], setting: str, given: E | str) -> E:
    try:
        return kind(given)
    except ValueError:
        raise SupervisionError(setting=setting, value=text_of(given, repr), expected=", ".join(kind)) from None


def _unless(given: object, kind: type[Any], expected: str) -> str:
    return "" if given is None or isinstance(given, kind) else expected
