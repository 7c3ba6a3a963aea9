"""The ledger: by which a node proves that it lost nothing.

Per message type: sent = handled + dropped + dead-lettered + in flight. Senders and receivers count
independently (see `mycelium.ledger.tally`); the ledger only adds up, and compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from mycelium.contracts.message_sets import is_message
from mycelium.dispatcher.current import settle
from mycelium.ledger.latency import Latency, summarize

if TYPE_CHECKING:
    from mycelium.ledger.tally import Cell
    from mycelium.mailbox.mailbox import Mailbox

__all__ = [
    "ActorRow",
    "ActorTimes",
    "Counted",
    "Ledger",
    "LedgerReading",
    "LedgerRow",
    "OverflowRow",
    "wait_until_quiet",
]


class Counted(Protocol):
    """What has a mailbox, and so a place in the ledger: an actor, or what takes messages for one on another node."""

    @property
    def mailbox(self) -> Mailbox:
        """Where its messages wait."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of the messages of one type. ``failed`` is the part of ``handled`` whose handler raised."""

    message: str
    type_id: int
    sent: int
    handled: int
    failed: int
    dropped: int
    dead_lettered: int
    in_flight: int

    @property
    def difference(self) -> int:
        """Sent, less everything that is accounted for: zero, or messages were lost (or came from nowhere)."""
        return self.sent - self.handled - self.dropped - self.dead_lettered - self.in_flight


@dataclass(frozen=True, slots=True)
class ActorRow:
    """What one actor did, over all message types. ``failed`` also counts what a supervisor had tried again, or dead-lettered."""

    name: str
    alive: bool
    handled: int
    failed: int
    dropped: int
    dead_lettered: int
    waiting: int
    waiting_max: int
    restarted: int = 0


@dataclass(frozen=True, slots=True)
class ActorTimes:
    """How long the sampled messages lay in the mailbox of one actor, and how long its handlers took."""

    name: str
    in_mailbox: Latency
    handling: Latency


@dataclass(frozen=True, slots=True)
class OverflowRow:
    """What the full mailbox of one actor did with messages of one type: dropped, conflated or rejected them.

    All three are part of ``dropped`` in the rows of messages and of actors.
    """

    actor: str
    message: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """One look at all counters.

    When ``exact``, nothing moved during the look, and ``in_flight`` was counted in the mailboxes
    message by message. Else ``in_flight`` is what senders have counted and receivers have not.
    """

    rows: tuple[LedgerRow, ...]
    actors: tuple[ActorRow, ...]
    unrouted: Mapping[str, int]
    exact: bool
    overflows: tuple[OverflowRow, ...] = ()

    @property
    def differences(self) -> tuple[LedgerRow, ...]:
        """The rows that do not add up."""
        return tuple(row for row in self.rows if row.difference or row.in_flight < 0)

    @property
    def balanced(self) -> bool:
        """Whether all rows add up."""
        return not self.differences

    @property
    def total(self) -> LedgerRow:
        """The sum of all rows."""
        columns = ("sent", "handled", "failed", "dropped", "dead_lettered", "in_flight")
        return LedgerRow("total", 0, *(sum(getattr(row, column) for row in self.rows) for column in columns))


class Ledger:
    """Adds up the counters of a set of actors; works while they run, and after they ended.

    It holds the counters, not the actors. Messages that others send to these actors count when they
    are told or asked; what these actors emit counts when all its receivers are among them, which is
    so for a topology.
    """

    def __init__(self, actors: Iterable[Counted]) -> None:
        self._mailboxes: tuple[Mailbox, ...] = tuple(actor.mailbox for actor in actors)
        self._tallies = tuple(mailbox.tally for mailbox in self._mailboxes)

    def add(self, counted: Counted) -> None:
        """Count somebody besides, who has counted nothing yet."""
        self._mailboxes += (counted.mailbox,)
        self._tallies += (counted.mailbox.tally,)

    def read(self) -> LedgerReading:
        """Look at all counters now."""
        settled = self._settled()
        # Receivers first: what they have counted, its senders have counted before.
        sent = self._sent()
        waiting = self._waiting()
        resting = all(mailbox.idle or not mailbox.started for mailbox in self._mailboxes)
        exact = resting and settled == self._settled() and sent == self._sent()
        if not exact:
            waiting = sent - settled[0] - settled[1] - settled[2]
        handled, dropped, dead, failed = settled
        kinds = sorted({*sent, *handled, *dropped, *dead, *waiting}, key=lambda kind: (kind.type_id, kind.__name__))
        rows = tuple(
            LedgerRow(
                message=kind.__name__,
                type_id=kind.type_id,
                sent=sent[kind],
                handled=handled[kind],
                failed=failed[kind],
                dropped=dropped[kind],
                dead_lettered=dead[kind],
                in_flight=waiting[kind],
            )
            for kind in kinds
        )
        return LedgerReading(
            rows=rows,
            actors=self._actor_rows(),
            unrouted=self._unrouted(),
            exact=exact,
            overflows=self._overflow_rows(),
        )

    @property
    def balanced(self) -> bool:
        """Whether all rows of a reading taken now add up."""
        return self.read().balanced

    @property
    def differences(self) -> tuple[LedgerRow, ...]:
        """The rows of a reading taken now that do not add up."""
        return self.read().differences

    def latency(self) -> Latency:
        """The hand-off latency over all actors, from the samples taken so far."""
        return summarize(tally.latency for tally in self._tallies)

    def times(self) -> tuple[ActorTimes, ...]:
        """Time in the mailbox and in handlers of each actor, in the order of `LedgerReading.actors`.

        One message in 64 of a sender and type is sampled. Of a batch, and of an ask, the handling is measured too; a
        batch counts with its time for each message.
        """
        return tuple(
            ActorTimes(tally.name, tally.latency.summary(), tally.handling.summary()) for tally in self._tallies
        )

    def _sent(self) -> Counter[Any]:
        sent: Counter[Any] = Counter()
        for tally in self._tallies:
            sent.update(dict.fromkeys(tally.receives, 0))
            for kind, cell in tuple(tally.cells.items()):
                sent[kind] += cell.sent
            for route in tuple(tally.routes):
                sent[route.message] += route.sent
        return sent

    def _settled(self) -> tuple[Counter[Any], Counter[Any], Counter[Any], Counter[Any]]:
        dead: Counter[Any] = Counter()
        for tally in self._tallies:
            dead.update({kind: count for kind, count in tuple(tally.dead.items()) if is_message(kind)})
        return (
            self._over_cells(lambda cell: cell.handled),
            self._over_cells(lambda cell: cell.dropped) + self._overflowed(),
            dead,
            self._over_cells(lambda cell: cell.failed),
        )

    def _overflowed(self) -> Counter[Any]:
        overflowed: Counter[Any] = Counter()
        for tally in self._tallies:
            for (kind, _), count in tuple(tally.overflowed.items()):
                overflowed[kind] += count
        return overflowed

    def _overflow_rows(self) -> tuple[OverflowRow, ...]:
        return tuple(
            OverflowRow(actor=tally.name, message=kind.__name__, what=what, count=count)
            for tally in self._tallies
            for (kind, what), count in sorted(
                tally.overflowed.copy().items(), key=lambda one: (one[0][0].__name__, one[0][1])
            )
        )

    def _over_cells(self, column: Callable[[Cell], int]) -> Counter[Any]:
        added: Counter[Any] = Counter()
        for tally in self._tallies:
            for kind, cell in tuple(tally.cells.items()):
                added[kind] += column(cell)
        return added

    def _waiting(self) -> Counter[Any]:
        waiting: Counter[Any] = Counter()
        for mailbox in self._mailboxes:
            waiting.update({kind: count for kind, count in mailbox.waiting().items() if is_message(kind)})
        return waiting

    def _unrouted(self) -> Mapping[str, int]:
        unrouted: Counter[str] = Counter()
        for tally in self._tallies:
            unrouted.update({kind.__name__: count for kind, count in tuple(tally.unrouted.items())})
        return dict(unrouted)

    def _actor_rows(self) -> tuple[ActorRow, ...]:
        return tuple(
            ActorRow(
                name=mailbox.tally.name,
                alive=mailbox.started and not mailbox.refusing,
                handled=sum(cell.handled for cell in tuple(mailbox.tally.cells.values())),
                failed=sum(cell.failed for cell in tuple(mailbox.tally.cells.values())) + mailbox.tally.given_back,
                dropped=sum(cell.dropped for cell in tuple(mailbox.tally.cells.values()))
                + sum(tuple(mailbox.tally.overflowed.values())),
                dead_lettered=sum(tuple(mailbox.tally.dead.values())),
                waiting=len(mailbox),
                waiting_max=mailbox.high_water_mark,
                restarted=mailbox.tally.restarts,
            )
            for mailbox in self._mailboxes
        )


def wait_until_quiet(actors: Iterable[Counted], timeout: float) -> bool:
    """Wait until no mail is left anywhere and nobody is handling any; False when the time is over.

    Sources that have not finished are not quiet. Two looks with the same counts, both at resting
    actors, are needed: mail that moves between the looks changes a count.
    """
    settle()
    everybody = tuple(actors)
    ledger = Ledger(everybody)
    deadline = monotonic() + timeout
    nap = Event()
    while True:
        quiet = all(actor.mailbox.idle for actor in everybody)
        if quiet and ledger.read().exact and all(actor.mailbox.idle for actor in everybody):
            return True
        left = deadline - monotonic()
        if left <= 0:
            return False
        nap.wait(min(left, 0.002))
