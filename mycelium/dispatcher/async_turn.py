"""A turn of an actor on an event loop: as `Actor` and `Handling` have it, but coroutines are awaited.

The actor takes the next message when the coroutine of the one before is done: one at a time holds
here too. What is the same (counting, failing, ending) is called there; what is written once more is
the loop itself, because a plain function cannot await.
"""

from __future__ import annotations

import inspect
import sys
from asyncio import CancelledError
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.actor.handling import cell_of
from mycelium.actor.signals import Signal
from mycelium.attempted_log import try_to_log
from mycelium.contracts.message_sets import shown
from mycelium.errors.actor import StoppedFirstError
from mycelium.ledger.latency import SAMPLE_MASK, now_ns
from mycelium.mailbox.mail import Keyed, Sampled
from tlv import TLV

from .coroutines import HOOKS

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.ledger.tally import Cell

__all__ = ["take_turn"]

_DUE = "_hooks_due"


class Later:
    """Stands for a hook that is a coroutine: plain code calls it, and the turn awaits what that made."""

    __slots__ = ("_due", "_hook")

    def __init__(self, hook: Callable[..., Coroutine[Any, Any, None]], due: list[Coroutine[Any, Any, None]]) -> None:
        self._hook = hook
        self._due = due

    def __call__(self, *args: Any) -> None:
        self._due.append(self._hook(*args))


async def take_turn(actor: Actor, budget: int) -> bool:
    """Begin, handle up to ``budget`` messages, and end where it is to end; whether it lives on."""
    stopped = actor.actor_stopped.is_set
    mailbox = actor._mailbox
    try:
        if not actor._begun:
            if actor._is_between_lives and not mailbox.paused:
                await _wind_down(actor)
            if not actor._begin(_bind_hooks):
                return True
            await _run_hooks(actor)
        waiting = len(mailbox.items)
        mailbox.high_water_mark = max(mailbox.high_water_mark, waiting)
        due = getattr(actor, _DUE, None)
        for _ in range(min(waiting, budget)):
            if stopped() or not mailbox.items or not actor._begun:
                break
            rest = _handle_next(actor)
            if rest is not None:
                await rest
            if due:
                await _run_hooks(actor)
        mailbox.make_room_known()
    except BaseException:
        actor._fail_turn()
    if not stopped():
        return True
    await _wind_down(actor)
    _unbind_hooks(actor)
    actor._end()
    return False


def _handle_next(actor: Actor) -> Coroutine[Any, Any, None] | None:
    """Handle the next message, and give what is left of that to be awaited: most need no coroutine but their own."""
    try:
        message: Any = actor._mailbox.items.popleft()
    except IndexError:
        return None  # a sender has dropped it, where the policy of a full mailbox says so
    if type(message) is Keyed:
        message = message.take()
    actor._sampled = type(message) is Sampled
    if actor._sampled:
        actor._tally.latency.record(now_ns() - message.sent_at)
        message = message.message
    cell = actor._tally.cells.get(type(message))
    if cell is not None and cell.handle is not None:
        return _call(actor, cell.handle, message, message, cell)
    if type(message) in actor._batch_table:
        batch = actor._take_batch(message)
        return _call(actor, actor._batch_table[type(message)], batch, message, actor._tally.cell(type(message)))
    if type(message) in actor.__contract__.ignores:
        actor._tally.cell(type(message)).dropped += 1
        return None
    return _handle_envelope(actor, message if isinstance(message, Envelope) else Envelope(message))


def _call(
    actor: Actor, handle: Callable[[Any], Any], given: Any, message: Any, cell: Cell
) -> Coroutine[Any, Any, None] | None:
    """One message, or the batch that it begins: to its handler, and into the cell; the rest where that is a coroutine."""
    began_at = now_ns() if actor._sampled else 0
    try:
        made = handle(given)
        if type(made) is CoroutineType:
            return _finish(actor, made, given, message, cell, began_at)
    except BaseException:
        _count_failed(actor, given, message, cell)
    else:
        _count_handled(actor, given, message, cell, began_at)
    return None


async def _finish(
    actor: Actor, made: Coroutine[Any, Any, Any], given: Any, message: Any, cell: Cell, began_at: int
) -> None:
    try:
        await made
    except BaseException:
        _count_failed(actor, given, message, cell)
    else:
        _count_handled(actor, given, message, cell, began_at)


def _count_handled(actor: Actor, given: Any, message: Any, cell: Cell, began_at: int) -> None:
    count = 1 if given is message else len(given)
    cell.handled += count
    if began_at:
        actor._tally.handling.record((now_ns() - began_at) // count)


def _count_failed(actor: Actor, given: Any, message: Any, cell: Cell) -> None:
    messages = (message,) if given is message else given
    cell.failed += len(messages)
    cell.handled += len(messages)
    if isinstance(sys.exc_info()[1], Exception):
        actor._fail(message, messages)
    else:
        _give_up(actor, message, messages)


async def _handle_envelope(actor: Actor, envelope: Envelope[Any]) -> None:
    """The reply is set when the coroutine is done, and so are the hooks that the message called for."""
    message = envelope.message
    actor._envelopes += 1
    cell = cell_of(actor, message)
    if getattr(envelope.reply_to, "abandoned", False):
        cell.dropped += 1
        return
    outer, actor._envelope = actor._envelope, envelope
    asked = envelope.reply_to is not None
    began_at = now_ns() if isinstance(message, TLV) and not cell.handled & SAMPLE_MASK else 0
    try:
        if isinstance(message, _ActorStop):
            await _wind_down(actor)
        response: Any = None
        if isinstance(message, Signal):
            await _arrive(actor, message)
        else:
            response = actor._handle_declared(message) if isinstance(message, TLV) else actor._handle_receive(message)
        if type(response) is CoroutineType:
            response = await response
        await _run_hooks(actor)
    except Exception:
        actor._fail_envelope(envelope, cell, asked)
    except BaseException:
        cell.failed += 1
        cell.handled += 1
        if envelope.reply_to is not None:
            stopped = StoppedFirstError(actor=actor.name, message=shown(type(message)))
            envelope.reply_to.set_exception((type(stopped), stopped, None))
        _give_up(actor, message, () if asked else None)
    else:
        actor._count_envelope(message, cell)
        if began_at:
            actor._tally.handling.record(now_ns() - began_at)
        if envelope.reply_to is not None:  # else the message was told, or forwarded
            envelope.reply_to.set(response)
    finally:
        actor._envelope = outer


async def _arrive(actor: Actor, signal: Signal) -> None:
    brought = signal.arrive(actor)
    if brought is not None:
        await _handle_envelope(actor, brought)


def _give_up(actor: Actor, message: Any, messages: Sequence[Any] | None = None) -> None:
    """On a BaseException: cancelled by who stops the actor at once, or of itself, which is a failure, or as elsewhere."""
    if not isinstance(sys.exc_info()[1], CancelledError):
        actor._give_up(message, messages)
    elif not actor.actor_stopped.is_set():
        actor._fail(message, messages)


async def _wind_down(actor: Actor) -> None:
    """End what the actor does beside its mail, before its last hook."""
    if actor._wind_down is not None:
        with suppress(CancelledError):
            await actor._wind_down()


def _bind_hooks(actor: Actor) -> None:
    hooks = {name: getattr(actor, name) for name in HOOKS if inspect.iscoroutinefunction(getattr(actor, name))}
    if hooks:
        due: list[Coroutine[Any, Any, None]] = []
        setattr(actor, _DUE, due)
        for name, hook in hooks.items():
            setattr(actor, name, Later(hook, due))


def _unbind_hooks(actor: Actor) -> None:
    for coroutine in vars(actor).pop(_DUE, ()):
        coroutine.close()
    for name in HOOKS:
        if isinstance(vars(actor).get(name), Later):
            del vars(actor)[name]


async def _run_hooks(actor: Actor) -> None:
    """Await the hooks that were called; one that raises is the actor's failure, as in pykka."""
    due = getattr(actor, _DUE, None)
    while due:
        try:
            await due.pop(0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not (isinstance(error, CancelledError) and actor.actor_stopped.is_set()):
                _fail_hook(actor, error, due)


def _fail_hook(actor: Actor, error: BaseException, due: list[Coroutine[Any, Any, None]]) -> None:
    """In a life that a supervisor gave it, a hook fails as a handler does; before that life, it is logged."""
    supervision = actor._supervision
    if supervision is None or actor.actor_stopped.is_set():
        actor._handle_failure(*sys.exc_info())
    elif supervision.is_due:
        try_to_log(actor.log.error, "failed before a restart", exc_info=error)
    elif supervision.made_at:
        for other in due:
            other.close()
        due.clear()
        actor._fail(None, ())
    else:
        actor._handle_failure(*sys.exc_info())
