"""Whether a message takes more than was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .figures import BARE, Counts, Figures, Key, SetUp

__all__ = ["ALLOWED", "ALLOWED_ELSEWHERE", "MISSES_NOTICED", "Change", "Comparison", "compare"]

#: A count may grow by this share.
ALLOWED = 0.10
#: A ratio may grow by this share where Python was built in another way: two builds of CPython 3.11, both by GCC 12,
#: with and without profiles, differed by up to 27 %.
ALLOWED_ELSEWHERE = 0.50
#: Misses are small numbers that depend on where objects lie: less than this, of one message, is nothing.
MISSES_NOTICED = 0.25
#: The same for instructions: what a page rounds away.
_INSTRUCTIONS_NOTICED = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """A count or a ratio that is another than the recorded one."""

    key: Key
    what: str
    recorded: float
    measured: float

    @property
    def share(self) -> float:
        """By how much it has grown: 0.1 is a tenth."""
        return self.measured / self.recorded - 1 if self.recorded else float("inf")

    def __str__(self) -> str:
        digits = 0 if self.recorded >= 100 else 2
        by = f"{self.share:+.1%}" if self.recorded else "new"
        return f"{self.key}: {self.recorded:,.{digits}f} -> {self.measured:,.{digits}f} {self.what} ({by})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the counts that were recorded."""

    #: How many operations were compared.
    compared: int
    #: The share by which a count or a ratio may grow.
    allowed: float
    grown: tuple[Change, ...]
    shrunk: tuple[Change, ...]
    #: What was measured, and is not recorded.
    unrecorded: tuple[Key, ...]
    #: Why less was compared than could be, or nothing; one line each.
    remarks: tuple[str, ...]


def compare(recorded: Figures, measured: Figures) -> Comparison:
    """Compare what was measured with what was recorded.

    Counts are compared where both come from the same set-up. On another build of the same version of
    Python, on the same kind of machine, only instructions in relation to the bare primitive
    are, since that one has changed much alike; across versions nothing is, and a remark says so.
    """
    differences = recorded.set_up.differences(measured.set_up)
    keys = [key for key in measured.counts if key in recorded.counts]
    unrecorded = tuple(key for key in measured.counts if key not in recorded.counts)
    if not differences:
        changes = [change for key in keys for change in _changes(key, recorded.counts[key], measured.counts[key])]
        return _comparison(changes, len(keys), ALLOWED, unrecorded, ())
    told = "the figures were recorded with another set-up: " + "; ".join(differences)
    if not _ratios_hold(recorded.set_up, measured.set_up):
        return Comparison(0, ALLOWED, (), (), unrecorded, (f"{told}; nothing is compared",))
    changes = []
    ours = [key for key in keys if key.implementation != BARE]
    for key in ours:
        before, now = recorded.ratio(key), measured.ratio(key)
        if before is not None and now is not None:
            beside = f"times the instructions of {measured.beside[key.group]}"
            changes.append(Change(key, beside, before, now))
    remark = f"{told}; only instructions in relation to the bare primitive are compared, "
    remark += f"and may grow by {ALLOWED_ELSEWHERE:.0%}"
    return _comparison(changes, len(ours), ALLOWED_ELSEWHERE, unrecorded, (remark,))


def _changes(key: Key, recorded: Counts, measured: Counts) -> Iterator[Change]:
    yield Change(key, "instructions", recorded.instructions, measured.instructions)
    yield Change(key, "D1 misses", recorded.d1_misses, measured.d1_misses)
    yield Change(key, "LL misses", recorded.ll_misses, measured.ll_misses)


def _comparison(
    changes: list[Change], compared: int, allowed: float, unrecorded: tuple[Key, ...], remarks: tuple[str, ...]
) -> Comparison:
    noticed = [one for one in changes if abs(one.measured - one.recorded) > _noticed(one)]
    grown = tuple(one for one in noticed if one.share > allowed)
    shrunk = tuple(one for one in noticed if one.share < -allowed)
    return Comparison(compared, allowed, grown, shrunk, unrecorded, remarks)


def _noticed(change: Change) -> float:
    return MISSES_NOTICED if change.what.endswith("misses") else _INSTRUCTIONS_NOTICED


def _ratios_hold(one: SetUp, other: SetUp) -> bool:
    """Whether a relation to the bare primitive carries over: the same version of Python on the same processor."""
    return (_version(one.python), one.machine.partition(",")[0]) == (
        _version(other.python),
        other.machine.partition(",")[0],
    )


def _version(python: str) -> str:
    """``CPython 3.11`` of ``CPython 3.11.7 (GCC 12.2.0)``."""
    found = re.match(r"\S+ \d+\.\d+", python)
    return found[0] if found else python
