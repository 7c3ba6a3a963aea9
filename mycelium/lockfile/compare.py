"""What was promised beside what the code promises now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .change import Change, Verdict, in_order
from .layouts import compare_messages
from .lock import Lock
from .matching import matched_messages, with_names_of_now
from .promises import (
    compare_actors,
    compare_configs,
    compare_errors,
    compare_limits,
    compare_routes,
    compare_sets,
)

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """All changes, the worst first, and the messages that nodes of before and after do not exchange."""

    changes: tuple[Change, ...]
    #: Messages of which the two have different layouts: nodes compare digests, and do not exchange these.
    digests: tuple[str, ...]

    def count(self, verdict: Verdict) -> int:
        """How many changes have it."""
        return Counter(one.verdict for one in self.changes)[verdict]

    def breaks(self, *, both_ways: bool = False) -> bool:
        """Whether a change is breaking; with ``both_ways``, whether old bytes are refused too."""
        return bool(self.count(Verdict.BREAKING) or (both_ways and self.count(Verdict.ONE_WAY)))

    @property
    def summary(self) -> str:
        """One line: how many changes of each verdict."""
        if not self.changes:
            return "nothing that others rely on has changed"
        counts = [f"{self.count(verdict)} {verdict.value}" for verdict in Verdict if self.count(verdict)]
        return f"{len(self.changes)} {'change' if len(self.changes) == 1 else 'changes'}: {', '.join(counts)}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison for JSON."""
        return {
            "breaking": self.count(Verdict.BREAKING),
            "one_way": self.count(Verdict.ONE_WAY),
            "compatible": self.count(Verdict.COMPATIBLE),
            "changes": [one.to_dict() for one in self.changes],
            "digests_changed": list(self.digests),
        }


def compare(old: Lock, new: Lock) -> Comparison:
    """What changes from one lock to the other, as docs/evolution.md has it.

    Example: ``compare(Lock.from_toml(text, "contract.lock"), lock_of(["tlv.market_data"])).summary``.
    """
    names = matched_messages(old, new)
    as_now = with_names_of_now(old, names)
    changes = chain(
        compare_limits(old, new),
        compare_messages(old, new, names),
        compare_sets(as_now, new),
        compare_actors(as_now, new),
        compare_routes(as_now, new),
        compare_configs(old, new),
        compare_errors(old, new),
    )
    return Comparison(in_order(changes), tuple(_digests(old, new)))


def _digests(old: Lock, new: Lock) -> Iterator[str]:
    by_type = {one.get("type"): one["digest"] for one in old["messages"].values() if "type" in one}
    for name, facts in new["messages"].items():
        if by_type.get(facts.get("type"), facts["digest"]) != facts["digest"]:
            yield name
