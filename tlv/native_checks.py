"""Declared constraints as the compiled core takes them, which checks them over raw memory.

A check is a tuple: what to do, two integers (bounds of stored numbers or of lengths; for a multiple
0 and the step), a bound for floats, and for arrays the checks of an element. The core only says
that all hold; where one does not, `tlv.constraints` says which, in its own words.
"""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from typing import Any

import annotated_types as at

from .composites import ArrayKind, NestedKind, OptionalKind
from .kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import Field
from .types import NonZero
from .variable import GroupKind, VariableBytesKind, VariableTextKind

__all__ = ["field_checks"]

# In the order of `enum check_op` in native/checks.h.
_RANGE, _MULTIPLE, _NONZERO, _GT, _GE, _LT, _LE, _FLOAT_MULTIPLE, _BOOL, _TEXT, _LENGTH, _MESSAGE, _EACH = range(1, 14)

Check = tuple[int, int, int, float, "Checks"]
Checks = tuple[Check, ...]
Rules = tuple[Any, ...]


def field_checks(field: Field) -> Checks | None:
    """The checks of a field; none where only the twin can do them."""
    assert field.codec is not None  # padding is not among the values
    return _checks(field.codec, field.constraints)


def _checks(codec: Kind, rules: Rules) -> Checks | None:
    """The checks of a value of a kind and its constraints."""
    match codec:
        case OptionalKind():
            return _checks(codec.inner, rules)  # the core passes over nulls itself
        case IntKind():
            return _integer_checks(codec, rules)
        case EnumKind():
            return _integer_checks(codec.stored, rules) if not rules or _is_plain(codec.members) else None
        case ScaledKind():
            return _integer_checks(codec.stored, rules, codec.digits)
        case FloatKind():
            return _float_checks(rules)
        case BoolKind():
            return None if rules else (_check(_BOOL),)
        case BytesKind():
            return _constant_length(codec.size, rules)
        case TextKind() | VariableTextKind():
            return _length_checks(_TEXT, rules)
        case VariableBytesKind():
            return _length_checks(_LENGTH, rules) if rules else ()
        case GroupKind():
            lengths = _length_checks(_LENGTH, rules) if rules else ()
            return None if lengths is None else (*lengths, _check(_MESSAGE))
        case NestedKind():
            return None if rules else (_check(_MESSAGE),)
        case ArrayKind():
            return _array_checks(codec, rules)
    return None


def _check(op: int, low: int = 0, high: int = 0, bound: float = 0.0, inner: Checks = ()) -> Check:
    return op, low, high, bound, inner


def _array_checks(codec: ArrayKind, rules: Rules) -> Checks | None:
    whole = _constant_length(codec.count, rules)
    each = _checks(codec.element, codec.constraints)
    if whole is None or each is None:
        return None
    return (_check(_EACH, inner=each),) if each else ()


def _constant_length(length: int, rules: Rules) -> Checks | None:
    """Nothing is left to check where a length that never changes is right."""
    lengths = _lengths(rules)
    return () if lengths is not None and lengths[0] <= length <= lengths[1] else None


def _length_checks(op: int, rules: Rules) -> Checks | None:
    lengths = _lengths(rules)
    return None if lengths is None else (_check(op, *lengths),)


def _lengths(rules: Rules) -> tuple[int, int] | None:
    least, most = 0, sys.maxsize
    for rule in rules:
        match rule:
            case at.MinLen(min_length=int(length)):
                least = max(least, length)
            case at.MaxLen(max_length=int(length)):
                most = min(most, length)
            case _:
                return None
    return (least, most) if least <= most else None


# ---- stored integers


def _integer_checks(stored: IntKind, rules: Rules, digits: int | None = None) -> Checks | None:
    """For integers and enums, or for decimals of so many digits: by the stored number."""
    unit = 10 ** (digits or 0)
    low, high, steps, may_be_zero = stored.low, stored.high, [], True
    for rule in rules:
        match rule:
            case NonZero():
                may_be_zero = False
            case at.MultipleOf(multiple_of=given):
                step = _step(given, unit, digits is not None)
                if step is None or step >= 1 << (255 if stored.size > 8 else 64):
                    return None
                steps.append(step)
            case _:
                edges = _edges(rule, unit)
                if edges is None or (digits is not None and type(_bound(rule)) is float):
                    return None  # a Decimal compares with floats as its context says
                low = low if edges[0] is None else max(low, edges[0])
                high = high if edges[1] is None else min(high, edges[1])
    return _integers(stored, low, high, steps, may_be_zero)


def _integers(stored: IntKind, low: int, high: int, steps: list[int], may_be_zero: bool) -> Checks | None:
    if not may_be_zero and low == 0:
        low = 1
    if low > high:
        return None
    checks = [] if (low, high) == (stored.low, stored.high) else [_check(_RANGE, low, high)]
    if not may_be_zero and low < 0 <= high:
        checks.append(_check(_NONZERO))
    return *checks, *(_check(_MULTIPLE, 0, step) for step in steps)


def _edges(rule: Any, unit: int) -> tuple[int | None, int | None] | None:
    """The lowest and the highest stored number that a bound leaves; none at all for other rules."""
    bound = _exact(_bound(rule))
    if bound is None:
        return None
    edge = bound * unit
    match rule:
        case at.Gt():
            return math.floor(edge) + 1, None
        case at.Ge():
            return math.ceil(edge), None
        case at.Lt():
            return None, math.ceil(edge) - 1
    return None, math.floor(edge)


def _bound(rule: Any) -> Any:
    match rule:
        case at.Gt(gt=bound) | at.Ge(ge=bound) | at.Lt(lt=bound) | at.Le(le=bound):
            return bound
    return None


def _exact(bound: Any) -> Fraction | None:
    """A number as a fraction; none for what is no plain number, not finite, or of very many digits."""
    if type(bound) in {int, bool, Fraction}:
        return Fraction(bound)
    is_small = type(bound) is Decimal and bound.is_finite() and abs(bound.adjusted()) < 400
    return Fraction(bound) if is_small or (type(bound) is float and math.isfinite(bound)) else None


def _step(given: Any, unit: int, is_decimal: bool) -> int | None:
    """Stored numbers must be multiples of this: a whole multiple of p/q is one of p."""
    step = _exact(given) if is_decimal or type(given) is int else None
    if step is not None and type(given) is float:
        step = Fraction(str(given))  # as the twin reads it: 0.1 means a tenth
    return abs((step * unit).numerator) or None if step is not None else None


def _is_plain(members: type[Enum]) -> bool:
    """Whether members compare as their numbers, and reading one runs no code of the class."""
    names = ("__gt__", "__ge__", "__lt__", "__le__", "__mod__")
    finds: Any = members._missing_
    return (
        all(getattr(members, name, None) is getattr(int, name) for name in names)
        and finds.__func__ in {Enum._missing_.__func__, Flag._missing_.__func__}  # type: ignore[attr-defined]
        and all(int(one) == one.value for one in members.__members__.values())  # type: ignore[call-overload]
    )


# ---- floats


def _float_checks(rules: Rules) -> Checks | None:
    checks: list[Check] = []
    for rule in rules:
        one = _float_check(rule)
        if one is None:
            return None
        checks.append(one)
    return tuple(checks)


_COMPARED = {at.Gt: _GT, at.Ge: _GE, at.Lt: _LT, at.Le: _LE}


def _float_check(rule: Any) -> Check | None:
    match rule:
        case NonZero():
            return _check(_NONZERO)
        case at.MultipleOf(multiple_of=step):
            if isinstance(step, int | float) and 0 < abs(step) < 1 << 53:
                return _check(_FLOAT_MULTIPLE, bound=float(step))
            return None
    bound, op = _bound(rule), _COMPARED.get(type(rule))
    if op is None or type(bound) is Decimal:
        return None
    if type(bound) is float:
        return _check(op, bound=bound)
    exact = _exact(bound)
    if exact is None or abs(exact) >= 1 << 1023:
        return None
    return _check(*_nearest(op, exact))


def _nearest(op: int, exact: Fraction) -> tuple[int, int, int, float]:
    """The same comparison with a float: one that lies between two floats is above the lower one."""
    near = float(exact)
    if Fraction(near) == exact:
        return op, 0, 0, near
    below = near if Fraction(near) < exact else math.nextafter(near, -math.inf)
    return (_GT if op in {_GT, _GE} else _LE), 0, 0, below
