"""Errors of telling, asking and emitting.

::

    ActorError
      DeadActorError            ACT-001  told or asked after it stopped           (pykka.ActorDeadError)
      StoppedFirstError         ACT-002  stopped before it handled an ask         (pykka.ActorDeadError)
      AskTimeoutError           ACT-003  no answer within the deadline            (pykka.Timeout, TimeoutError)
      DeadlineMissingError      ACT-004  an ask of a message without a deadline   (TypeError)
      DeadlineInvalidError      ACT-014  a timeout that is no number of seconds   (ValueError)
      NotReceivedError          ACT-005  told a message that it does not receive  (TypeError)
      UndeclaredEmissionError   ACT-006  emitted a message that emits= lacks      (TypeError)
      HandlerFailedError        ACT-007  the log entry of an actor that died of an error with no code of its own
      WiringError               ACT-008  actors that cannot be connected          (ValueError)
      NotInitializedError       ACT-009  `super().__init__()` was left out        (AttributeError)
      PauseOutsideError         ACT-010  a source paused outside of `produce`     (RuntimeError)
      NothingProducedError      ACT-011  `produce` gave nothing to iterate over   (TypeError)
      DispatcherUnknownError    ACT-012  a dispatcher that nobody declared        (LookupError)
      AskCycleError             ACT-013  actors that wait for each other's answer (RuntimeError)
      MailboxFullError          ACT-020  a full mailbox refused a message         (queue.Full)
      MailboxDeclarationError   ACT-021  a bound of a mailbox that cannot be      (ValueError)
      NotWatchableError         ACT-030  watched something that is no actor       (TypeError)
      TimerError                ACT-031  a timer with a time that cannot be       (ValueError)
      SupervisionError          ACT-032  a supervisor that cannot work            (ValueError)

An ask whose handler raises gives the caller the handler's own exception, with a note that names
the actor and the message, and its traceback as the text ``remote_traceback``. For objects that are no declared messages, pykka's own errors hold.
"""

from __future__ import annotations

import queue
from typing import Any

import pykka

from tlv.declared_error import DeclaredError

__all__ = [
    "ActorError",
    "AskCycleError",
    "AskTimeoutError",
    "DeadActorError",
    "DeadlineInvalidError",
    "DeadlineMissingError",
    "DispatcherUnknownError",
    "HandlerFailedError",
    "MailboxDeclarationError",
    "MailboxFullError",
    "NotInitializedError",
    "NotReceivedError",
    "NotWatchableError",
    "NothingProducedError",
    "PauseOutsideError",
    "StoppedFirstError",
    "SupervisionError",
    "TimerError",
    "UndeclaredEmissionError",
    "WiringError",
]


class ActorError(DeclaredError):
    """Family of the errors of actors at work."""


class DeadActorError(
    ActorError,
    pykka.ActorDeadError,
    code="ACT-001",
    text="{actor} is not running; {message} became a dead letter",
    next_step="start a new actor and tell its ref",
):
    """Told or asked after it stopped."""

    actor: str
    message: str


class StoppedFirstError(
    ActorError,
    pykka.ActorDeadError,
    code="ACT-002",
    text="{actor} stopped before it handled {message}, which became a dead letter",
    next_step="start a new actor and ask it",
    retryable=True,
):
    """Stopped before it handled an ask."""

    actor: str
    message: str


class AskTimeoutError(
    ActorError,
    pykka.Timeout,
    TimeoutError,
    code="ACT-003",
    text="{actor} did not answer {message} within {timeout_s} s",
    next_step="the message may still be handled; ask again with a longer timeout, or see what the actor is busy with",
    retryable=True,
):
    """No answer within the deadline."""

    actor: str
    message: str
    timeout_s: float


class DeadlineMissingError(
    ActorError,
    TypeError,
    code="ACT-004",
    text="ask of {message} to {actor} has no deadline",
    next_step="say how long an answer may take: ref.ask(message, timeout=1.0)",
):
    """An ask of a declared message without a deadline."""

    actor: str
    message: str


class DeadlineInvalidError(
    ActorError,
    ValueError,
    code="ACT-014",
    text="{value} is no number of seconds to wait",
    next_step="give a number: ref.ask(message, timeout=1.0); math.inf waits without end",
):
    """A timeout that is no number of seconds."""

    value: str


class NotReceivedError(
    ActorError,
    TypeError,
    code="ACT-005",
    text="{actor} does not receive {message}; it receives {received}",
    next_step="send it to an actor that does, or add it to receives=",
):
    """Told a message that it does not receive."""

    actor: str
    message: str
    received: str


class UndeclaredEmissionError(
    ActorError,
    TypeError,
    code="ACT-006",
    text="{actor} emitted {message}; it may emit {declared}",
    next_step="name the message in emits=: the topology routes by what actors declare",
):
    """Emitted something that its ``emits=`` does not name."""

    actor: str
    message: str
    declared: str


class HandlerFailedError(
    ActorError,
    code="ACT-007",
    text="{actor} died of {error} while it handled {message}",
    next_step="mend the handler, or catch the error in it",
):
    """How an actor's death by an error without a code of its own is logged."""

    actor: str
    message: str
    error: str


class WiringError(
    ActorError,
    ValueError,
    code="ACT-008",
    text="{actor} cannot be connected: {reason}",
    next_step="create all actors of the plan, connect them, then launch them",
):
    """Actors that cannot be connected."""

    actor: str
    reason: str


class NotInitializedError(
    ActorError,
    AttributeError,
    code="ACT-009",
    text="{actor}.__init__() did not call its base",
    next_step="begin it with super().__init__()",
):
    """``super().__init__()`` was left out."""

    actor: str


class NothingProducedError(
    ActorError,
    TypeError,
    code="ACT-011",
    text="{actor}.produce() gave {value}, not messages one after the other",
    next_step="write it as a generator: yield each message",
):
    """``produce`` is no generator and returned nothing to iterate over."""

    actor: str
    value: str


class PauseOutsideError(
    ActorError,
    RuntimeError,
    code="ACT-010",
    text="{actor} paused outside of produce()",
    next_step="call pause() and wait_until() only inside produce(); a handler that waits keeps all mail waiting",
):
    """A source paused outside of ``produce``."""

    actor: str


class DispatcherUnknownError(
    ActorError,
    LookupError,
    code="ACT-012",
    text="{actor} is to run on the dispatcher {name!r}, which nobody has declared; {hint}",
    next_step='declare it in [dispatchers] of the topology, or name "default" or "pinned"',
):
    """The name of a dispatcher that does not exist."""

    actor: str
    name: str
    hint: str


class AskCycleError(
    ActorError,
    RuntimeError,
    code="ACT-013",
    text="{actor} would wait for an answer for ever: {cycle}",
    next_step="tell instead of ask at one place of the circle, or take the future and do not wait for it in a handler",
):
    """Waiting for the answer of an actor that waits for this one's."""

    actor: str
    cycle: str


class MailboxFullError(
    ActorError,
    queue.Full,
    code="ACT-020",
    text="the mailbox of {actor} is full ({capacity} messages) and refused {message}: {reason}",
    next_step="send it again later, raise the capacity, or let the mailbox drop or conflate",
    retryable=True,
):
    """A full mailbox refused a message; `refused` hands it back."""

    actor: str
    message: str
    capacity: int
    reason: str

    @property
    def refused(self) -> Any:
        """The message itself; None in a copy that came out of a pickle."""
        return self.__dict__.get("_refused")

    def hand_back(self, message: Any) -> None:
        """Let the error carry the message that was refused."""
        self.__dict__["_refused"] = message


class MailboxDeclarationError(
    ActorError,
    ValueError,
    code="ACT-021",
    text="{where}: {problem}",
    next_step="write mailbox=Bounded(capacity, overflow=...), with key=(fields of the message) to conflate",
):
    """A bound or an overflow policy that cannot be."""

    where: str
    problem: str


class NotWatchableError(
    ActorError,
    TypeError,
    code="ACT-030",
    text="{actor} cannot watch {value}",
    next_step="watch the ref of an actor of mycelium: what start() returns, or self.actor_ref",
):
    """Watched something that is no actor."""

    actor: str
    value: str


class TimerError(
    ActorError,
    ValueError,
    code="ACT-031",
    text="{actor} set a timer of {seconds} s",
    next_step="give a finite number of seconds: 0 or more for once(), more than 0 for every()",
):
    """A timer with a time that cannot be."""

    actor: str
    seconds: float


class SupervisionError(
    ActorError,
    ValueError,
    code="ACT-032",
    text="a supervisor cannot work with {setting} {value}: it takes {expected}",
    next_step="change the setting where the supervisor is made, or what it is to start",
):
    """A supervisor that cannot work."""

    setting: str
    value: str
    expected: str
