"""Declared constraints: annotated-types metadata compiled into one check for each class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import annotated_types as at

from .codegen import short
from .declared_error import DeclaredError
from .errors import ConstraintError, DeclarationError, RuleError
from .kinds import ArrayKind, BoolKind, Kind, NestedKind, TextKind
from .layout import Field, Layout
from .variable import GroupKind, VariableTextKind

if TYPE_CHECKING:
    from .message import TLV

__all__ = ["checker", "rule_text", "run_rule"]

Check = Callable[[Any], bool]


def checker(layout: Layout) -> Callable[[Any], None]:
    """The function behind ``_check_fields``: raises `ConstraintError` for the first broken rule.

    Besides the declared constraints it checks that booleans are 0 or 1 and that text is UTF-8, and
    goes down into nested messages and group items, whose fields it names by path.
    """
    checks = [(field.name, rule_text(one), _check(layout, field, one)) for field in layout for one in field.constraints]
    inner = [field for field in layout.values if isinstance(field.codec, NestedKind | GroupKind)]
    booleans = [field for field in layout.values if isinstance(field.codec, BoolKind)]
    texts = [field.name for field in layout.values if _is_text(field.codec)]
    name = layout.name

    def check_fields(self: Any) -> None:
        for field, rule, holds in checks:
            value = getattr(self, field)
            if value is not None and not holds(value):
                raise ConstraintError(message=name, field=field, value=short(value), rule=rule)
        for one in booleans:
            stored = self._buf[self._off + one.offset]
            if stored > 1:
                raise ConstraintError(message=name, field=one.name, value=str(stored), rule="0 or 1")
        for field in texts:
            getattr(self, field)
        for one in inner:
            _check_inner(name, one, getattr(self, one.name))

    return check_fields


def run_rule(rule: Callable[[Any], None]) -> Callable[[Any], None]:
    """A class's own ``validate``, run after the constraints, its ``ValueError`` made a `RuleError`."""

    @functools.wraps(rule)
    def validate(self: TLV) -> None:
        self._check_fields()
        try:
            rule(self)
        except DeclaredError:
            raise
        except ValueError as cause:
            raise RuleError(message=self.layout.name, rule=str(cause), value=repr(self)) from cause

    return validate


def _is_text(codec: Kind | None) -> bool:
    return isinstance(codec.element if isinstance(codec, ArrayKind) else codec, TextKind | VariableTextKind)


def _check_inner(message: str, field: Field, value: Any) -> None:
    items = ((f"{field.name}[{i}]", item) for i, item in enumerate(value)) if field.is_variable else None
    for path, item in items or ((field.name, value),):
        try:
            item.validate()
        except ConstraintError as cause:
            raise ConstraintError(
                message=message, field=f"{path}.{cause.field}", value=cause.value, rule=cause.rule
            ) from cause
        except RuleError as cause:
            raise RuleError(message=f"{message}.{path}", rule=cause.rule, value=cause.value) from cause


def _check(layout: Layout, field: Field, rule: Any) -> Check:
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
            return lambda value: bool(value % step == 0)
        case at.MinLen(min_length=least):
            return lambda value: len(value) >= least
        case at.MaxLen(max_length=most):
            return lambda value: len(value) <= most
        case at.Predicate(func=holds):
            return lambda value: bool(holds(value))
    raise DeclarationError(
        where=f"{layout.name}.{field.name}",
        reason=f"the constraint {rule!r} is not known here",
        remedy="use Gt, Ge, Lt, Le, Interval, MultipleOf, Len, MinLen, MaxLen or Predicate",
    )


_SIGNS = {
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
