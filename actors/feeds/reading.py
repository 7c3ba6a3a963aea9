"""One file while it is read: its counters, and what happens to lines that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from actors.errors import FeedError, LookalikeLogError, MalformedRowError

from .files import InputFile

__all__ = ["Logger", "OnFault", "Policy", "Reading", "quiet", "shortened"]

OnFault = Literal["stop", "skip"]
SHOWN_EACH = 3
_VALUE_MAX = 80


class Logger(Protocol):
    """The part of a structlog logger that the feeds use."""

    def debug(self, event: str, **values: object) -> object: ...

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...


class _Quiet:
    """A logger that says nothing."""

    def debug(self, event: str, **values: object) -> None: ...

    def info(self, event: str, **values: object) -> None: ...

    def warning(self, event: str, **values: object) -> None: ...


quiet: Logger = _Quiet()


@dataclass(frozen=True)
class Policy:
    """What a feed does with faults: stop at the first, or leave the line out and count it."""

    on_malformed: OnFault = "stop"
    lookalikes: OnFault = "skip"
    gaps: OnFault = "skip"


@dataclass
class Reading:
    """The state of reading one file.

    `refuse` is the only way in which a reader gives up a line: the error is raised or counted and
    logged, as the policy says. Nothing is left out without a count.
    """

    file: InputFile
    policy: Policy
    log: Logger
    on_position: Callable[[int], None] = lambda _: None
    refused: Counter[str] = field(default_factory=Counter)
    """By code, and shared by all files of a feed."""

    rows: int = 0
    messages: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def path(self) -> str:
        return str(self.file.path)

    def malformed(self, line: int, column: str, value: str, rule: str) -> FeedError:
        """The error for one bad value; a long value is cut."""
        return MalformedRowError(path=self.path, line=line, column=column, value=shortened(value), rule=rule)

    def refuse(self, error: FeedError) -> None:
        """Raise ``error`` if the policy is to stop, else count it under its code and log it."""
        on_fault = self.policy.lookalikes if isinstance(error, LookalikeLogError) else self.policy.on_malformed
        if on_fault == "stop":
            raise error
        self._count(self.skipped, error)

    def note(self, error: FeedError) -> None:
        """As `refuse`, for gaps in a stream: by default they are told and reading goes on."""
        if self.policy.gaps == "stop":
            raise error
        self._count(self.notes, error)

    def ignore(self, kind: str) -> None:
        """Count a line that is in order and of no use here."""
        self.ignored[kind] += 1

    def skip(self, code: str) -> None:
        """Count a row that is left out for a reason that was told before."""
        self.skipped[code] += 1
        self.refused[code] += 1

    def _count(self, counter: Counter[str], error: FeedError) -> None:
        counter[error.code] += 1
        self.refused[error.code] += 1
        tell = self.log.warning if counter[error.code] <= SHOWN_EACH else self.log.debug
        tell("left out" if counter is self.skipped else "stream broken", code=error.code, reason=error.args[0])


def shortened(value: str) -> str:
    """A value from outside, as an error shows it."""
    return repr(value if len(value) <= _VALUE_MAX else value[:_VALUE_MAX] + "...")
