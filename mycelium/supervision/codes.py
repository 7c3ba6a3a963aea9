"""Codes of errors that rules name: which of them nobody has declared.

An application declares its errors in modules of its own, which may be imported after the rules were made. So it is looked
up when the first actor is started, or when a topology is resolved: by then the modules of the actors are there.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from mycelium.nearest import listed
from tlv import catalogue

__all__ = ["problem_of_code", "unknown_codes"]


def unknown_codes(named: Iterable[str]) -> list[str]:
    """Of these codes and families, those that no imported error has."""
    codes, families = _known()
    return [one for one in named if one not in codes and one not in families]


def problem_of_code(unknown: str) -> str:
    """What to say of one: that it is not there, and what is most like it."""
    codes, families = _known()
    family, dash, _ = unknown.partition("-")
    if not dash:
        hint = _most_like(unknown, families) or f"families: {listed(sorted(families))}"
        return f"no declared error has a code of the family {unknown!r}; {hint}"
    inside = [code for code in codes if code.partition("-")[0] == family]
    if inside:
        hint = _most_like(unknown, inside) or f"codes of {family}: {listed(sorted(inside))}"
    else:
        hint = _most_like(unknown, codes) or f"families: {listed(sorted(families))}"
    return f"no declared error has the code {unknown!r}; {hint}"


def _known() -> tuple[set[str], set[str]]:
    codes = {error.code for error in catalogue()}
    return codes, {code.partition("-")[0] for code in codes}


def _most_like(unknown: str, known: Iterable[str]) -> str:
    found = get_close_matches(unknown, sorted(known), n=3)
    return f"did you mean {' or '.join(map(repr, found))}?" if found else ""
