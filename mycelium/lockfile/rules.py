"""Which values two sets of rules allow: whether one set refuses what the other lets through.

Rules are the texts of a lock: ``> 0``, ``!= 0``, ``multiple of 5``, ``length <= 9``, or the name of a function.
A function is known by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

__all__ = ["allows", "allows_zero", "split_limits"]

_RULE = re.compile(r"(?P<what>length )?(?P<sign>>=|<=|>|<|!=|multiple of) (?P<bound>\S+)")
_INTEGER = re.compile(r"(?P<sign>[iu])(?P<bits>\d+)\??")
_LIMITS = re.compile(r"(?:(?<=\S)[ ,]+)((?:length )?(?:>=|<=|>|<|multiple of) [^,]+)$")

#: What a rule is about ("" or "length "), its sign and its bound.
Rule = tuple[str, str, Fraction]


def allows(new: Iterable[str], old: Iterable[str], kind: str = "") -> bool:
    """Whether ``new`` allows all that ``old`` allowed, of a field of this kind."""
    before = {*old, *_limits_of(kind)}
    return all(rule in before or _follows(rule, before, kind) for rule in new)


def allows_zero(rules: Iterable[str]) -> bool:
    """Whether all rules hold for zero bytes; of a function nobody knows."""
    return all(_holds_for_zero(_parsed(rule, "")) for rule in rules)


def _holds_for_zero(rule: Rule | None) -> bool:
    if rule is None:
        return False
    _, sign, bound = rule
    holds = {">": bound < 0, ">=": bound <= 0, "<": bound > 0, "<=": bound >= 0, "!=": bound != 0, "multiple of": True}
    return holds[sign]


def split_limits(text: str) -> tuple[frozenset[str], list[str]]:
    """The type of a setting taken apart: the kinds that it may be, and its limits."""
    limits: list[str] = []
    while found := _LIMITS.search(text):
        limits.append(found[1])
        text = text[: found.start()].rstrip(", ")
    return frozenset(text.split(" | ")), limits


def _limits_of(kind: str) -> list[str]:
    found = _INTEGER.fullmatch(kind)
    if found is None:
        return []
    bits = int(found["bits"])
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if found["sign"] == "i" else (0, (1 << bits) - 1)
    return [f">= {low}", f"<= {high}"]


def _parsed(rule: str, kind: str) -> Rule | None:
    found = _RULE.fullmatch(rule)
    if found is None:
        return None
    try:
        bound = Fraction(found["bound"])
    except ValueError:
        return None
    what, sign = found["what"] or "", found["sign"]
    if what or _INTEGER.fullmatch(kind) or kind == "int":  # between whole numbers lies nothing
        if sign == ">":
            sign, bound = ">=", Fraction(bound.__floor__() + 1)
        elif sign == "<":
            sign, bound = "<=", Fraction(bound.__ceil__() - 1)
    return what, sign, bound


def _follows(rule: str, before: Iterable[str], kind: str) -> bool:
    """Whether every value that ``before`` allows keeps the rule."""
    wanted = _parsed(rule, kind)
    known = [one for one in (_parsed(text, kind) for text in before) if one is not None]
    return wanted is not None and any(_implies(one, wanted) for one in known if one[0] == wanted[0])


def _implies(known: Rule, wanted: Rule) -> bool:
    (_, has, at), (_, sign, bound) = known, wanted
    if sign == "multiple of":
        return has == sign and bound != 0 and at % bound == 0
    if sign == "!=":
        outside = (has == ">=" and at > bound) or (has == "<=" and at < bound)
        return outside or (
            has in {">", "<", "!="} and (at >= bound if has == ">" else at <= bound if has == "<" else at == bound)
        )
    if sign in {">=", ">"}:
        return has in {">=", ">"} and (at > bound or (at == bound and (sign == ">=" or has == ">")))
    return has in {"<=", "<"} and (at < bound or (at == bound and (sign == "<=" or has == "<")))
