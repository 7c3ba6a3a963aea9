"""Decimal text to whole numbers of 1e-8 units, exactly: no float is ever made."""

from __future__ import annotations

import re

__all__ = ["PLACES", "fixed_point"]

PLACES = 8
_INT64_MAX = 2**63 - 1
_SCALE: tuple[int, ...] = tuple(10 ** (PLACES - places) for places in range(PLACES + 1))
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")
_LENGTH_MAX = 400
# A double is good to 53 bits. Text that a program printed from one after a few operations may
# differ from the number that was meant by some units in its last places: 2**-48 of the value.
_NOISE_BITS = 48


def fixed_point(text: str) -> int:
    """The number that ``text`` tells, in 1e-8 units: ``fixed_point("0.35") == 35_000_000``.

    Takes a sign, a point and an exponent. A 9th and further decimals must be zero, or no more than
    the noise of a double (``0.00031099999999999997`` is 0.000311 from a program that had it as a
    double): anything else would be rounded, and is refused. Raises ``ValueError`` that says the rule.
    """
    whole, _, fraction = text.partition(".")
    places = len(fraction)
    digits = whole + fraction
    if places <= PLACES and len(digits) <= 18 and digits.isdigit() and digits.isascii():
        value = int(digits) * _SCALE[places]
        if value <= _INT64_MAX:
            return value
        raise ValueError(_too_large())
    return _any_form(text)


def _any_form(text: str) -> int:
    found = _NUMBER.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    digits = "" if found is None else found[2] + (found[3] or "")
    if found is None or not digits:
        msg = "a plain decimal number"
        raise ValueError(msg)
    magnitude = int(digits)
    power = PLACES + int(found[4] or 0) - len(found[3] or "")
    value = _scaled(magnitude, power) if magnitude else 0
    if found[1] == "-":
        value = -value
    if not -_INT64_MAX - 1 <= value <= _INT64_MAX:
        raise ValueError(_too_large())
    return value


def _scaled(magnitude: int, power: int) -> int:
    """``magnitude`` times ``10**power``, where that is a whole number or differs from one by noise only."""
    if power >= 0:
        if power > 2 * PLACES + 12:
            raise ValueError(_too_large())
        scale: int = 10**power
        return magnitude * scale
    if -power > 2 * _LENGTH_MAX:
        raise ValueError(_too_fine())
    divisor: int = 10**-power
    nearest = (2 * magnitude + divisor) // (2 * divisor)
    if abs(magnitude - nearest * divisor) << _NOISE_BITS > magnitude:
        raise ValueError(_too_fine())
    return nearest


def _too_large() -> str:
    return "at most 92233720368.54775807 (64 bits of 1e-8 units)"


def _too_fine() -> str:
    return f"at most {PLACES} decimals"
