"""One change and what it means for others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Change", "Verdict", "breaking", "compatible", "one_way"]


class Verdict(Enum):
    """What a change does to those who were built before it, and to what was written before it."""

    #: They get wrong values or an error, or the new code gets wrong values out of what they wrote.
    BREAKING = "breaking"
    #: They read what the new code writes; the new code refuses, with a declared error, what was written before.
    ONE_WAY = "compatible one way"
    #: Both read what the other writes.
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Change:
    """What changed (``Quote.bid_size``), what follows for users, the verdict, and which way it does not go."""

    subject: str
    text: str
    verdict: Verdict
    but: str = ""

    def __str__(self) -> str:
        return f"{self.subject} {self.text} ({self.verdict.value}{self.but and f': {self.but}'})"

    def to_dict(self) -> dict[str, Any]:
        """The change for JSON."""
        told = {"subject": self.subject, "text": self.text, "verdict": self.verdict.value}
        return told | ({"but": self.but} if self.but else {})


def breaking(subject: str, text: str) -> Change:
    return Change(subject, text, Verdict.BREAKING)


def one_way(subject: str, text: str, but: str) -> Change:
    return Change(subject, text, Verdict.ONE_WAY, but)


def compatible(subject: str, text: str) -> Change:
    return Change(subject, text, Verdict.COMPATIBLE)


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Each once, the worst first; else in the order in which they were found."""
    worst = list(Verdict)
    return tuple(sorted(dict.fromkeys(changes), key=lambda one: worst.index(one.verdict)))
