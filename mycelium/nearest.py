"""The nearest known name to one that is not known, for error texts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "listed", "nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None where none does."""
    candidates = list(known)
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if found:
        return found[0]
    folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], what: str) -> str:
    """What to do about an unknown name: ``did you mean 'x'?``, else the list of what is known."""
    candidates = sorted(known)
    found = nearest(name, candidates)
    if found is not None:
        return f"did you mean {found!r}?"
    if not candidates:
        return f"there are no {what}"
    return f"{what}: {listed(candidates)}"


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names joined by commas, cut after ``limit``."""
    given = list(names)
    if len(given) <= limit:
        return ", ".join(given) or "nothing"
    return f"{', '.join(given[:limit])} and {len(given) - limit} more"
