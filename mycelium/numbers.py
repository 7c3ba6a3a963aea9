"""Which values are the numbers that a setting takes; what is no such number is told by its rule."""

from __future__ import annotations

from math import isfinite

__all__ = ["rule_broken"]


def rule_broken(value: object, *, least: float = 0, above: bool = False, most: float | None = None, whole: bool) -> str:
    """The rule that ``value`` breaks, to stand behind "it takes"; empty where it breaks none.

    ``least`` itself is allowed, unless the number is to be ``above`` it. True and False are no numbers here.
    """
    kind = "a whole number" if whole else "a number"
    rule = f"{kind} {'above' if above else 'of'} {least:,g}{'' if above else ' or more'}"
    if most is not None:
        rule += f", {most:,} at most" if whole else f", {most:,g} at most"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return rule
    try:
        if not isfinite(value):
            return rule
    except OverflowError:  # an int beyond all floats
        return rule
    in_range = (value > least if above else value >= least) and (most is None or value <= most)
    return "" if in_range else rule
