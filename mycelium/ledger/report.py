"""What a node did: the report at the end of a run, and what the live view shows on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mycelium.errors.node import ActorFailedError, LedgerError
from tlv import implementation

__all__ = [
    "ActorCounts",
    "ActorFailure",
    "MessageCounts",
    "OverflowCounts",
    "Report",
    "SourceProgress",
    "StreamCounts",
    "Times",
]


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """The ledger's row of one message type: sent = handled + dropped + dead_lettered + in_flight + lost."""

    message: str
    type_id: int
    sent: int
    handled: int
    failed: int
    dropped: int
    dead_lettered: int
    in_flight: int
    #: Of several nodes: sent over a link, and not known to have arrived.
    lost: int = 0

    @property
    def difference(self) -> int:
        """Messages unaccounted for; 0 when the row balances."""
        return self.sent - self.handled - self.dropped - self.dead_lettered - self.in_flight - self.lost


@dataclass(frozen=True, slots=True)
class Times:
    """A distribution of times, in microseconds, over the sampled messages."""

    samples: int = 0
    p50_us: float = 0.0
    p99_us: float = 0.0
    max_us: float = 0.0


@dataclass(frozen=True, slots=True)
class ActorCounts:
    """What one actor did, and how long its messages lay in the mailbox and in the handler."""

    actor: str
    alive: bool
    handled: int
    failed: int
    waiting: int
    waiting_max: int = 0
    dropped: int = 0
    dead_lettered: int = 0
    restarted: int = 0
    in_mailbox: Times = field(default_factory=Times)
    handling: Times = field(default_factory=Times)


@dataclass(frozen=True, slots=True)
class OverflowCounts:
    """What the full mailbox of one actor did with messages of one type: dropped, conflated or rejected them."""

    actor: str
    message: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """How many messages of a type went from an actor to one on another node: ``sent`` by one, ``delivered`` at the other."""

    sender: str
    receiver: str
    message: str
    type_id: int
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far a source came. ``total`` is None where it does not know; ``refused`` counts by reason."""

    actor: str
    label: str
    done: int
    total: int | None
    state: str
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActorFailure:
    """An actor that died of an error, or hung (then ``error`` is ``ActorStuckError``).

    ``by_input`` tells that a declared error of a feed, a config or the like did it: the input is to
    be mended, not the program.
    """

    actor: str
    error: str
    message: str
    by_input: bool = False

    @property
    def text(self) -> str:
        """The error for a reader: a declared one names its code, another one its class."""
        if self.message.startswith("["):
            return self.message
        return f"{self.error}: {self.message}" if self.message else self.error

    def to_error(self) -> ActorFailedError:
        """As a declared error."""
        return ActorFailedError(actor=self.actor, error=self.error, message=self.message)


@dataclass(frozen=True, slots=True)
class Report:
    """The state of a node. ``state`` is running, draining, finished, interrupted or aborted.

    ``hand_off`` is the time from the tell or emit to the start of the handler, over all actors.
    """

    topology: str
    profile: str | None
    state: str
    seconds: float
    messages: tuple[MessageCounts, ...]
    actors: tuple[ActorCounts, ...]
    sources: tuple[SourceProgress, ...]
    hand_off: Times
    resident_bytes: int
    peak_bytes: int
    balanced: bool
    unrouted: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[ActorFailure, ...] = ()
    summaries: Mapping[str, str] = field(default_factory=dict)
    overflows: tuple[OverflowCounts, ...] = ()
    #: Of one node of several.
    streams: tuple[StreamCounts, ...] = ()
    #: The implementation of the message layer that ran; of several nodes, all of theirs.
    tlv: str = field(default_factory=lambda: implementation.running)

    @property
    def total(self) -> MessageCounts:
        """All message types together."""
        rows = self.messages
        return MessageCounts(
            message="total",
            type_id=0,
            sent=sum(row.sent for row in rows),
            handled=sum(row.handled for row in rows),
            failed=sum(row.failed for row in rows),
            dropped=sum(row.dropped for row in rows),
            dead_lettered=sum(row.dead_lettered for row in rows),
            in_flight=sum(row.in_flight for row in rows),
            lost=sum(row.lost for row in rows),
        )

    @property
    def rate(self) -> float:
        """Messages handled per second."""
        return self.total.handled / self.seconds if self.seconds > 0 else 0.0

    @property
    def verdict(self) -> str:
        """The ledger's verdict in a sentence."""
        total = self.total
        if not self.balanced:
            return f"the ledger does not balance: {self._differences()}"
        parts = [f"{total.sent:,} sent = {total.handled:,} handled"]
        parts.extend(
            f"{count:,} {name}"
            for name, count in (
                ("dropped", total.dropped),
                ("dead-lettered", total.dead_lettered),
                ("in flight", total.in_flight),
                ("lost on links", total.lost),
            )
            if count
        )
        return f"the ledger balances: {' + '.join(parts)}"

    @property
    def ok(self) -> bool:
        """Nothing was lost, nobody failed, and the run was not cut short."""
        return self.balanced and not self.failures and not self.total.lost and self.state != "aborted"

    @property
    def exit_code(self) -> int:
        """0 when all is well, 130 when the run was cut short, 2 when the input is at fault, else 1."""
        if self.state == "aborted":
            return 130
        if self.balanced and self.failures and all(failure.by_input for failure in self.failures):
            return 2  # also where it was refused before it had begun
        if self.state == "new":
            return 130
        return 0 if self.ok else 1

    def check(self) -> None:
        """Raise `ActorFailedError` or `LedgerError` where the run was not clean."""
        if self.failures:
            raise self.failures[0].to_error()
        if not self.balanced:
            raise LedgerError(differences=self._differences())

    def to_dict(self) -> dict[str, Any]:
        """The report for a machine; `mycelium run --json` prints it."""
        rendered = asdict(self)
        rendered["messages"] = [{**asdict(row), "difference": row.difference} for row in self.messages]
        rendered.update(total=asdict(self.total), rate=self.rate, verdict=self.verdict, ok=self.ok)
        return rendered

    def _differences(self) -> str:
        return ", ".join(f"{row.message} {row.difference:+,}" for row in self.messages if row.difference) or "unknown"
