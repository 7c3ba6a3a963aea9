"""Hypothesis strategies made from declarations: right messages of any declared class. ::

    from hypothesis import given
    from mycelium.testing.strategies import messages

    @given(messages(Trade))
    def test_any_trade_survives(trade: Trade) -> None: ...

Hypothesis is imported when a strategy is made: `ExtraMissingError` where it is not installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from enum import Flag
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import annotated_types as at

from mycelium.contracts.message_sets import messages_of
from mycelium.errors.testing import ExtraMissingError
from tlv import TLV, Batch, FrameWriter, TLVError
from tlv.composites import ArrayKind, NestedKind, OptionalKind
from tlv.kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from tlv.variable import GroupKind, VariableBytesKind, VariableTextKind

if TYPE_CHECKING:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy

__all__ = ["batches", "frames", "messages"]

M = TypeVar("M", bound=TLV)


class LazyStrategies:
    """``hypothesis.strategies``, imported when the first of them is made."""

    def __getattr__(self, name: str) -> Any:
        try:
            from hypothesis import strategies
        except ImportError as missing:
            raise ExtraMissingError(what=__name__, package="hypothesis", extra="testing") from missing
        return getattr(strategies, name)


if not TYPE_CHECKING:
    st = LazyStrategies()

#: How long variable fields become where their declaration sets no limit.
_BYTES_MAX, _TEXT_MAX, _ITEMS_MAX = 64, 24, 6


def messages(message_type: type[M], **fields: SearchStrategy[Any]) -> SearchStrategy[M]:
    """Right messages of one class: every value that its fields can hold, within its constraints and its ``validate``.

    ``fields`` are strategies of your own for some of the fields. Numbers are from the whole range of their
    type unless constraints narrow it; enums are members; floats are never NaN, which is unequal to itself.
    Raises ``TypeError`` for a field that there is not.
    """
    unknown = [name for name in fields if name not in {field.name for field in message_type.layout.values}]
    if unknown:
        msg = f"{message_type.__name__} has no field {unknown[0]!r}"
        raise TypeError(msg)
    values = {
        field.name: fields.get(field.name, _values(field.codec, field.constraints))
        for field in message_type.layout.values
        if field.codec is not None
    }
    return st.fixed_dictionaries(values).map(lambda drawn: message_type(**drawn)).filter(_is_right)


def batches(message_type: type[M], *, size_min: int = 1, size_max: int = 20) -> SearchStrategy[Batch[M]]:
    """Batches of one class, as batch handlers get them."""
    return st.lists(messages(message_type), min_size=size_min, max_size=size_max).map(Batch.of)


def frames(*declared: Any, size_min: int = 0, size_max: int = 20) -> SearchStrategy[bytes]:
    """Whole frames of messages, in any order, of the classes and sets that are given."""
    kinds = messages_of("frames()", declared)

    def written(content: Sequence[TLV], source: int, sequence: int, clock: int) -> bytes:
        writer = FrameWriter(source=source, sequence=sequence, clock=lambda: clock)
        for message in content:
            writer.append(message)
        return bytes(writer.finish())

    content = st.lists(st.one_of(*(messages(kind) for kind in kinds)), min_size=size_min, max_size=size_max)
    wide = (1 << 63) - 1
    return st.builds(written, content, st.integers(0, 0xFFFF), st.integers(0, wide), st.integers(0, wide))


def _is_right(message: TLV) -> bool:
    try:
        message.validate()
    except TLVError:
        return False
    return True


def _values(kind: Kind, rules: tuple[Any, ...]) -> SearchStrategy[Any]:
    """The values of one field, mostly within its rules; what they still break, `_is_right` sorts out."""
    match kind:
        case OptionalKind():
            return st.none() | _values(kind.inner, rules).filter(
                lambda value: not kind.is_null(kind.inner.encode(value))
            )
        case IntKind():
            return _numbers(kind.low, kind.high, rules)
        case ScaledKind():
            unit = 10**kind.digits
            units = _numbers(kind.stored.low, kind.stored.high, rules, unit)
            return units.map(lambda number: Decimal(f"{number}e-{kind.digits}"))
        case EnumKind():
            return _members(kind)
        case BoolKind():
            return st.booleans()
        case FloatKind():
            return _floats(kind, rules)
        case BytesKind():
            return st.binary(min_size=kind.size, max_size=kind.size)
        case TextKind():
            return _texts(rules, kind.size, excluded="\0").map(lambda text: _cut(text, kind.size))
        case ArrayKind():
            return st.tuples(*[_values(kind.element, kind.constraints)] * kind.count)
        case NestedKind():
            return messages(kind.message)
        case GroupKind():
            least, most = _lengths(rules, _ITEMS_MAX)
            return st.lists(messages(kind.message), min_size=least, max_size=most).map(tuple)
        case VariableBytesKind():
            least, most = _lengths(rules, _BYTES_MAX)
            return st.binary(min_size=least, max_size=most)
        case VariableTextKind():
            return _texts(rules, _TEXT_MAX)
    msg = f"no strategy for fields of the kind {kind.name}"
    raise TypeError(msg)


def _numbers(low: int, high: int, rules: tuple[Any, ...], unit: int = 1) -> SearchStrategy[int]:
    """Whole numbers within the rules, which are about ``unit`` of them as 1."""
    step = 1
    for rule in rules:
        match rule:
            case at.Ge(ge=bound):
                low = max(low, math.ceil(_exact(bound) * unit))
            case at.Gt(gt=bound):
                low = max(low, math.floor(_exact(bound) * unit) + 1)
            case at.Le(le=bound):
                high = min(high, math.floor(_exact(bound) * unit))
            case at.Lt(lt=bound):
                high = min(high, math.ceil(_exact(bound) * unit) - 1)
            case at.MultipleOf(multiple_of=multiple):
                whole = _exact(multiple) * unit
                step = math.lcm(step, abs(whole.numerator))
    least, most = -(-low // step), high // step
    numbers = st.integers(least, most) if least <= most else st.nothing()
    return numbers if step == 1 else numbers.map(lambda number: number * step)


def _exact(bound: Any) -> Fraction:
    return Fraction(bound) if isinstance(bound, int | float | Fraction) else Fraction(str(bound))


def _floats(kind: FloatKind, rules: tuple[Any, ...]) -> SearchStrategy[float]:
    lows: list[Any] = [
        rule.ge if isinstance(rule, at.Ge) else rule.gt for rule in rules if isinstance(rule, at.Ge | at.Gt)
    ]
    highs: list[Any] = [
        rule.le if isinstance(rule, at.Le) else rule.lt for rule in rules if isinstance(rule, at.Le | at.Lt)
    ]
    low, high = max(map(float, lows), default=None), min(map(float, highs), default=None)
    # Of 64 bits in any case, since the bounds need not be numbers of 32.
    numbers: SearchStrategy[float] = st.floats(min_value=low, max_value=high, allow_nan=False)
    return numbers.map(lambda value: _rounded(kind, value))


def _rounded(kind: FloatKind, value: float) -> float:
    try:
        return kind.encode(value)
    except ValueError:  # too large for 32 bits
        return math.copysign(math.inf, value)


def _members(kind: EnumKind) -> SearchStrategy[Any]:
    members = [one for one in kind.members.__members__.values() if kind.stored.low <= one.value <= kind.stored.high]
    if issubclass(kind.members, Flag):
        known = kind.members
        return st.sets(st.sampled_from(members)).map(lambda drawn: _union(known, drawn))
    return st.sampled_from(members)


def _union(flags: type[Flag], drawn: set[Any]) -> Flag:
    number = 0
    for one in drawn:
        number |= one.value
    return flags(number)


def _lengths(rules: tuple[Any, ...], usual_max: int) -> tuple[int, int]:
    least = max((rule.min_length for rule in rules if isinstance(rule, at.MinLen)), default=0)
    most = min((rule.max_length for rule in rules if isinstance(rule, at.MaxLen)), default=least + usual_max)
    return least, min(most, least + usual_max)


def _texts(rules: tuple[Any, ...], usual_max: int, excluded: str = "") -> SearchStrategy[str]:
    least, most = _lengths(rules, usual_max)
    return st.text(st.characters(codec="utf-8", exclude_characters=excluded), min_size=least, max_size=most)


def _cut(text: str, size: int) -> str:
    """As many characters as there is room for."""
    return text.encode()[:size].decode(errors="ignore")
