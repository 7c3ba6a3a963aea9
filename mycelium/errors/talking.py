"""Errors of actors that find each other by name, and talk from node to node.

::

    ActorError
      ActorUnknownError    ACT-070  no actor of that name in the topology     (LookupError)
      PlainObjectError     ACT-071  told or asked another node an object      (TypeError)
      AnswerKindError      ACT-072  an answer that does not cross nodes       (TypeError)
      RemoteError          ACT-073  what failed elsewhere, unknown here       (RuntimeError)
      ProcessDiedError     ACT-074  the process of its node has died          (ConnectionError)
      LinkLostError        ACT-075  its node cannot be reached                (ConnectionError)
      NotLinkedError       ACT-076  two nodes with no link between them       (LookupError)
      TooManyWatchesError  ACT-077  a node watches too many actors of another (RuntimeError)
"""

from __future__ import annotations

from mycelium.errors.actor import ActorError

__all__ = [
    "ActorUnknownError",
    "AnswerKindError",
    "LinkLostError",
    "NotLinkedError",
    "PlainObjectError",
    "ProcessDiedError",
    "RemoteError",
    "TooManyWatchesError",
]


class ActorUnknownError(
    ActorError,
    LookupError,
    code="ACT-070",
    text="{actor} looks for {name!r}, and there is no such actor: {reason}",
    next_step="{hint}",
):
    """A name that no actor of the topology has, or outside of a topology any name."""

    actor: str
    name: str
    reason: str
    hint: str


class PlainObjectError(
    ActorError,
    TypeError,
    code="ACT-071",
    text="{value} cannot go to {actor}, which runs on {node}: only declared messages cross nodes",
    next_step="declare a message that says it, and tell or ask that; or run both actors on one node",
):
    """An object that is no declared message, or a proxy, for an actor on another node."""

    actor: str
    node: str
    value: str


class AnswerKindError(
    ActorError,
    TypeError,
    code="ACT-072",
    text="{actor} answered {message} with {answer}, which does not cross nodes",
    next_step="answer with a declared message, None, int, float, bool, str or bytes",
):
    """An answer to another node that is no declared message and no plain value."""

    actor: str
    message: str
    answer: str


class RemoteError(
    ActorError,
    RuntimeError,
    code="ACT-073",
    text="{node} failed with {error}: {said}",
    next_step="see remote_traceback of this error, or the log of {node}",
):
    """What failed on another node with an error that is not declared in this process.

    ``declared`` is the code of an error that only the other process knows, else empty.
    """

    node: str
    error: str
    said: str
    declared: str


class ProcessDiedError(
    ActorError,
    ConnectionError,
    code="ACT-074",
    text="{actor} is gone: the process of its node {node} has died",
    next_step="ask again when {node} is back, or stop; what was on its way is counted as lost",
    retryable=True,
):
    """The process in which an actor ran is there no more."""

    actor: str
    node: str


class LinkLostError(
    ActorError,
    ConnectionError,
    code="ACT-075",
    text="{actor} cannot be reached: the link to its node {node} is lost",
    next_step="ask again when {node} can be reached; the actor may live, and may have handled what it got",
    retryable=True,
):
    """No link to the node of an actor; whether its process lives is not known."""

    actor: str
    node: str


class NotLinkedError(
    ActorError,
    LookupError,
    code="ACT-076",
    text="{actor} runs on {node}, and {here} has no link there",
    next_step="name it in the topology: [nodes.{here}] talks_to = [{node!r}]",
):
    """Two nodes that exchange nothing by the topology, and whose actors talk by refs."""

    actor: str
    node: str
    here: str


class TooManyWatchesError(
    ActorError,
    RuntimeError,
    code="ACT-077",
    text="{peer} watches {limit:,} ends of actors of {node} already, and that of {actor} is one too many",
    next_step="watch each actor once, and unwatch those whose end matters no more",
):
    """Whoever watches an actor of another node is told this in its place: its end will not be told."""

    actor: str
    node: str
    peer: str
    limit: int
