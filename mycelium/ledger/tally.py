"""The counters of one actor: what its ledger rows are made of.

Sender and receiver count independently, so that the ledger can compare them:

* the sending side counts each message before it enters a mailbox, in what any thread may advance:
  one per (receiver, type) for tells and asks, one per (emitter, type) for `Actor.emit`;
* the receiving side counts each message after its handler returned or raised, in what only the
  receiver's own thread writes, so plain ``+= 1`` is exact on any build;
* what never reaches a handler is counted where it is found: ignored in the cell, dead-lettered
  here, and what a full mailbox did not keep, one by one, since any thread may find it.

A message is counted by the sender first, hence read receivers first and senders second and the
difference is never negative: it is what is in flight.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from mycelium.core import compiled
from mycelium.ledger.latency import LatencyHistogram
from mycelium.mailbox.counter import SharedCounter
from mycelium.one_by_one import OneByOne

if TYPE_CHECKING:
    from mycelium.routing.emitting import Route

__all__ = ["Cell", "Tally"]


#: Held for a few steps, at the first message of a type: one for all tallies. A finalizer may come in the middle.
_lock = RLock()

K = TypeVar("K")

#: What an actor has counted of that which most of them never do: a dict from the first one on.
Few = dict[K, int] | MappingProxyType[K, int]
NOTHING: MappingProxyType[Any, Any] = MappingProxyType({})


def _one_more(counts: Few[Any], what: Any) -> dict[Any, int]:
    counted = counts if isinstance(counts, dict) else {}
    counted[what] = counted.get(what, 0) + 1
    return counted


@compiled
class Cell:
    """One message type at one receiver: what is counted of it, and what handles it.

    Senders call ``advance()`` for each message, which returns how often it was called before; all else
    is written by the receiver's thread only.
    """

    __slots__ = ("_sent", "accepted", "advance", "dropped", "failed", "handle", "handled", "signed")

    def __init__(self) -> None:
        self._sent = SharedCounter()
        self.advance: Callable[[], int] = self._sent.advance
        #: Whether these messages may be put into the queue as they are.
        self.accepted = False
        #: Whether they may be put there with their sender, and nothing else.
        self.signed = False
        #: What takes them one by one, while the actor runs; None where nothing does.
        self.handle: Callable[[Any], Any] | None = None
        self.handled = 0
        self.failed = 0
        self.dropped = 0

    @property
    def sent(self) -> int:
        """How often `advance` was called so far."""
        return self._sent.value


class Tally:
    """All counters of one actor. They outlive it."""

    __slots__ = (
        "cells",
        "dead",
        "given_back",
        "handling",
        "latency",
        "name",
        "overflowed",
        "receives",
        "restarts",
        "routes",
        "unrouted",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        #: What the class of the actor receives: in the ledger also where nothing came.
        self.receives: tuple[type[Any], ...] = ()
        self.cells: dict[type[Any], Cell] = {}
        self.dead: Few[type[Any]] = NOTHING
        #: What a full mailbox dropped, conflated or refused: by message and what was done with it.
        self.overflowed: Few[tuple[type[Any], str]] = NOTHING
        #: The routes by which this actor emitted, also those that a later wiring replaced.
        self.routes: tuple[Route, ...] = ()
        #: Emitted, but received by nobody. Written by the actor's thread only.
        self.unrouted: Few[type[Any]] = NOTHING
        #: How often its actor was made anew. Written by the actor's thread only.
        self.restarts = 0
        #: Failures that are in no cell: their messages are tried again, or dead letters. Written by the actor's thread only.
        self.given_back = 0
        #: Of the messages that are sampled: how long they lay in the mailbox, and how long their handlers took.
        self.latency = LatencyHistogram()
        self.handling = LatencyHistogram()

    def cell(self, kind: type[Any]) -> Cell:
        """The cell of a type; made on first use, by any thread."""
        found = self.cells.get(kind)
        if found is None:
            with _lock:
                found = self.cells.setdefault(kind, Cell())
        return found

    def count_dead(self, kind: type[Any]) -> None:
        """Count a dead letter."""
        _lost.bring((self, kind, ""))

    def count_overflow(self, kind: type[Any], what: str) -> None:
        """Count a message that a full mailbox did not keep: dropped, conflated or rejected."""
        _lost.bring((self, kind, what))

    def count_unrouted(self, kind: type[Any]) -> None:
        """Count an emission that nobody receives."""
        self.unrouted = _one_more(self.unrouted, kind)


def _count_lost(lost: tuple[Tally, type[Any], str]) -> None:
    tally, kind, what = lost
    if what:
        tally.overflowed = _one_more(tally.overflowed, (kind, what))
    else:
        tally.dead = _one_more(tally.dead, kind)


#: What is lost is counted here: any thread may find it.
_lost = OneByOne(_count_lost)
