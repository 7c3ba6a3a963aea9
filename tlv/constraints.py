"""Declared constraints: annotated-types metadata compiled into one check for each class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

import annotated_types as at

from .codegen import short
from .composites import ArrayKind, NestedKind, OptionalKind, leaf
from .declared_error import DeclaredError
from .errors import ConstraintError, DeclarationError, RuleError, TextEncodingError
from .kinds import BoolKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import Layout
from .types import NonZero
from .variable import GroupKind, VariableTextKind

if TYPE_CHECKING:
    from .message import TLV

__all__ = ["checker", "rule_text", "run_rule"]

Check = Callable[[Any], bool]
ElementCheck = Callable[[Any, str, int, tuple[Any, ...]], None]


def checker(layout: Layout) -> Callable[[Any], None]:
    """The function behind ``_check_fields``: raises `ConstraintError` for the first broken rule.

    Besides the declared constraints it checks that booleans are 0 or 1 and that text is UTF-8, and
    goes down into arrays, nested messages and group items, whose fields it names by path.
    """
    where = layout.name
    checks = [
        (field.name, _checks(where, field.name, field.constraints, field.codec))
        for field in layout
        if field.constraints
    ]
    booleans = [field for field in layout.values if isinstance(field.codec, BoolKind)]
    texts = [field.name for field in layout.values if isinstance(leaf(field.codec), TextKind | VariableTextKind)]
    inner = [field for field in layout.values if isinstance(field.codec, NestedKind | GroupKind)]
    arrays = [
        (field, check)
        for field in layout.values
        if isinstance(field.codec, ArrayKind) and (check := _element_checks(where, field.name, field.codec))
    ]

    def check_fields(self: Any) -> None:
        for name, rules in checks:
            _hold(where, name, rules, getattr(self, name))
        for field in booleans:
            _check_bool(where, field.name, self._payload()[field.offset])
        for name in texts:
            getattr(self, name)
        for field in inner:
            value = getattr(self, field.name)
            if field.is_variable:
                for i, item in enumerate(value):
                    _check_inner(where, f"{field.name}[{i}]", item)
            else:
                _check_inner(where, field.name, value)
        for field, check in arrays:
            check(self, field.name, field.offset, getattr(self, field.name))

    return check_fields


def run_rule(rule: Callable[[Any], None]) -> Callable[[Any], None]:
    """A class's own ``validate``, run after the constraints, its ``ValueError`` made a `RuleError`."""

    @functools.wraps(rule)
    def validate(self: TLV) -> None:
        self._check_fields()
        try:
            rule(self)
        except ValueError as cause:
            raise_rule_error(self, cause)

    return validate


def raise_rule_error(message: TLV, cause: ValueError) -> NoReturn:
    """What a class's own ``validate`` said as a `RuleError`; declared errors stay as they are."""
    if isinstance(cause, DeclaredError):
        raise cause
    raise RuleError(message=message.layout.name, rule=str(cause), value=short(message, 400)) from cause


def _checks(message: str, path: str, rules: tuple[Any, ...], kind: Kind | None) -> list[tuple[str, Check]]:
    where = f"{message}.{path}"
    kind = kind.inner if isinstance(kind, OptionalKind) else kind
    if NonZero() in rules and not isinstance(kind, IntKind | FloatKind | EnumKind | ScaledKind):
        raise DeclarationError(
            where=where,
            reason="NonZero is about numbers",
            remedy="remove it, or write Predicate with a function",
        )
    return [(_named(where, one), _check(where, one)) for one in rules]


def _named(where: str, rule: Any) -> str:
    try:
        return rule_text(rule)
    except Exception as cause:
        raise DeclarationError(
            where=where,
            reason=f"a {type(rule).__name__} has a bound that cannot be shown ({type(cause).__name__}: {cause})",
            remedy="use a bound that str() can write",
        ) from cause


def _hold(message: str, path: str, rules: list[tuple[str, Check]], value: Any) -> None:
    if value is None:
        return
    for rule, holds in rules:
        try:
            kept = holds(value)
        except Exception as cause:
            said = f"{rule}, which raises {type(cause).__name__}: {cause}"
            raise ConstraintError(message=message, field=path, value=short(value), rule=said) from cause
        if not kept:
            raise ConstraintError(message=message, field=path, value=short(value), rule=rule)


def _check_bool(message: str, path: str, stored: int) -> None:
    if stored > 1:
        raise ConstraintError(message=message, field=path, value=str(stored), rule="0 or 1")


def _check_inner(message: str, path: str, item: TLV) -> None:
    try:
        item.validate()
    except ConstraintError as cause:
        raise ConstraintError(
            message=message, field=f"{path}.{cause.field}", value=cause.value, rule=cause.rule
        ) from cause
    except RuleError as cause:
        raise RuleError(message=f"{message}.{path}", rule=cause.rule, value=cause.value) from cause
    except TextEncodingError as cause:
        raise TextEncodingError(message=message, field=f"{path}.{cause.field}", value=cause.value) from cause


def _element_checks(message: str, path: str, array: ArrayKind) -> ElementCheck | None:
    """A function of message, path, place in the buffer and elements; none if there is nothing to check."""
    element = array.element
    rules = _checks(message, f"{path}[]", array.constraints, element)
    inner = _element_checks(message, f"{path}[]", element) if isinstance(element, ArrayKind) else None
    if not rules and not inner and not isinstance(element, BoolKind | NestedKind):
        return None

    def check(self: Any, path: str, at: int, values: tuple[Any, ...]) -> None:
        for i, value in enumerate(values):
            place = f"{path}[{i}]"
            _hold(message, place, rules, value)
            if isinstance(element, BoolKind):
                _check_bool(message, place, self._payload()[at + i])
            elif isinstance(element, NestedKind):
                _check_inner(message, place, value)
            elif inner:
                inner(self, place, at + i * element.size, value)

    return check


def _check(where: str, rule: Any) -> Check:
    """A function of the value that says whether the rule holds."""
    match rule:
        case at.Gt(gt=bound):
            return lambda value: bool(value > bound)
        case at.Ge(ge=bound):
            return lambda value: bool(value >= bound)
        case at.Lt(lt=bound):
            return lambda value: bool(value < bound)
        case at.Le(le=bound):
            return lambda value: bool(value <= bound)
        case at.MultipleOf(multiple_of=step):
            return lambda value: _is_multiple(value, step)
        case NonZero():
            return _is_nonzero
        case at.MinLen(min_length=least):
            return lambda value: len(value) >= least
        case at.MaxLen(max_length=most):
            return lambda value: len(value) <= most
        case at.Predicate(func=holds):
            return lambda value: bool(holds(value))
    raise DeclarationError(
        where=where,
        reason=f"the constraint {rule!r} is not known here",
        remedy="use Gt, Ge, Lt, Le, Interval, NonZero, MultipleOf, Len, MinLen, MaxLen or Predicate",
    )


def _is_nonzero(value: Any) -> bool:
    return bool((value.value if isinstance(value, Enum) else value) != 0)


def _is_multiple(value: Any, step: Any) -> bool:
    # A quotient of more digits than the decimal context has would raise.
    return bool((Fraction(value) % Fraction(str(step)) if isinstance(value, Decimal) else value % step) == 0)


_SIGNS = {
    NonZero: "!= 0",
    at.Gt: "> {gt}",
    at.Ge: ">= {ge}",
    at.Lt: "< {lt}",
    at.Le: "<= {le}",
    at.MultipleOf: "multiple of {multiple_of}",
}
_LENGTHS = {at.MinLen: "length >= {min_length}", at.MaxLen: "length <= {max_length}"}


def rule_text(rule: Any) -> str:
    """A constraint as its errors name it: ``> 0``."""
    text = (_SIGNS | _LENGTHS).get(type(rule))
    if text is not None:
        return text.format_map({name: getattr(rule, name) for name in rule.__dataclass_fields__})
    function = getattr(rule, "func", rule)
    return getattr(function, "__name__", repr(function))
