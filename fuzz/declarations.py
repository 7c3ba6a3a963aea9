"""Declarations that nobody would write, messages of those that are accepted, and odd values for these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import annotated_types as at

from . import messages
from .choices import HOSTILE, Choices
from .outcomes import Outcome, fields_of, told
from .schema import Colour, Marks, Rights, Side, array_of, is_even
from .values import RAISED, odd

__all__ = ["Declarations"]

NAMES = ("a", "b", "c", "d", "e", "größe", "self", "_pad", "_self", "class", "layout", "1a", "", "print", "offset")
Make = Callable[[Choices], Any]


@dataclass(frozen=True)
class Kind:
    """A type of field, and values that it takes, mostly."""

    annotation: Any
    make: Make


class Declarations:
    """The target."""

    def __init__(self, t: Any) -> None:
        self.t = t

    def __call__(self, choices: Choices) -> Outcome:
        order: Any = choices.one(("little", "big")) if choices.number(32) else choices.one(("native", "", None))
        kinds = [self._kind(choices, order) for _ in range(choices.number(7))]
        fields: dict[str, Any] = {}
        for i, kind in enumerate(kinds):
            name = NAMES[i] if choices.number(16) else choices.one(NAMES)
            defaulted = choices.number(6)
            fields[name] = kind.annotation
            if defaulted == 1:
                fields[name] = (kind.annotation, kind.make(choices))
            elif defaulted == 2:
                fields[name] = (kind.annotation, odd(choices))
        type_id = None if choices.flag() else choices.one((1, 65_535, *HOSTILE))
        version = choices.number(256) if choices.number(16) else choices.integer()

        made: list[Any] = []

        def declare() -> Any:
            made.append(self.t.define_tlv("Made", fields, type=type_id, version=version, byteorder=order))
            return (made[0].layout.digest, self.t.describe(made[0]))

        declared = told(declare, allowed=RAISED)
        return Outcome((declared, *_use(choices, made[0], kinds))) if made else declared

    def _kind(self, choices: Choices, order: str, depth: int = 0) -> Kind:
        makers: tuple[Callable[[Choices, str, int], Kind], ...] = (
            self._integer,
            self._float,
            self._enum,
            self._decimal,
            self._sized,
            self._variable,
            self._optional,
            self._array,
            self._nested,
            self._padding,
        )
        kind = choices.one(makers)(choices, order, depth)
        return self._ruled(choices, kind) if choices.number(4) == 1 else kind

    def _integer(self, choices: Choices, order: str, depth: int) -> Kind:
        bits, signed = 8 * (1 + choices.number(32)), choices.flag()
        return Kind(Annotated[int, self.t.IntType(bits, signed=signed)], lambda c: _near(c, bits, signed=signed))

    def _float(self, choices: Choices, order: str, depth: int) -> Kind:
        if choices.number(4) == 3:
            return Kind(bool, Choices.flag)
        return Kind(choices.one((self.t.f32, self.t.f64)), lambda c: c.integer() / 4 if c.flag() else c.number(99) / 4)

    def _enum(self, choices: Choices, order: str, depth: int) -> Kind:
        members: Any = choices.one([Side, Colour, Rights, Marks])
        number = choices.one((self.t.u8, self.t.i16, self.t.u24, self.t.i64, self.t.u128))
        return Kind(Annotated[members, number], lambda c: c.one([*members, 1, 3, 250]))

    def _decimal(self, choices: Choices, order: str, depth: int) -> Kind:
        number, digits = choices.one((self.t.i8, self.t.i64, self.t.u256)), choices.number(80)
        return Kind(Annotated[Decimal, self.t.Scaled(number, digits)], lambda c: Decimal(f"{c.number(200)}e-{digits}"))

    def _sized(self, choices: Choices, order: str, depth: int) -> Kind:
        size = choices.number(24)
        if choices.flag():
            return Kind(Annotated[bytes, self.t.Size(size)], lambda c: c.take(size).ljust(size))
        return Kind(Annotated[str, self.t.Size(size)], lambda c: c.take(size).decode("utf-8", "ignore"))

    def _variable(self, choices: Choices, order: str, depth: int) -> Kind:
        kind = choices.number(3)
        if kind == 0:
            return Kind(bytes, lambda c: c.take(c.number(40)))
        if kind == 1:
            return Kind(str, lambda c: c.take(c.number(40)).decode("utf-8", "replace"))
        inner = self._nested(choices, order, depth)
        return Kind(self.t.Group[inner.annotation], lambda c: [inner.make(c) for _ in range(c.number(4))])

    def _optional(self, choices: Choices, order: str, depth: int) -> Kind:
        inner = self._kind(choices, order, depth + 1)
        null = Annotated[inner.annotation, self.t.Null(odd(choices))] if choices.flag() else inner.annotation
        try:
            annotation = null | None
        except TypeError:  # no type to Python: padding, groups, metadata without a hash
            return inner
        return Kind(annotation, lambda c: None if c.flag() else inner.make(c))

    def _array(self, choices: Choices, order: str, depth: int) -> Kind:
        count = choices.number(5) if choices.number(32) else choices.one((-1, 300, 65_536, 2**64))
        inner = self._kind(choices, order, depth + 1) if depth < 3 else Kind(self.t.u8, lambda c: c.number(256))
        return Kind(
            array_of(self.t, inner.annotation, count), lambda c: tuple(inner.make(c) for _ in range(min(count, 300)))
        )

    def _nested(self, choices: Choices, order: str, depth: int) -> Kind:
        kinds = [self._kind(choices, order, depth + 1) for _ in range(choices.number(3) if depth < 2 else 0)]
        if not kinds:
            kinds = [Kind(self.t.i32, lambda c: c.number(256))]
        try:
            made = self.t.define_tlv("Inner", {NAMES[i]: kind.annotation for i, kind in enumerate(kinds)})
        except self.t.DeclarationError:
            made = self.t.define_tlv("Inner", {})
            return Kind(made, odd)
        return Kind(made, lambda c: _made_or_odd(c, made, kinds))

    def _padding(self, choices: Choices, order: str, depth: int) -> Kind:
        return Kind(self.t.pad[choices.one((1, 3, 8, 0, -1))], odd)

    def _ruled(self, choices: Choices, kind: Kind) -> Kind:
        bound = odd(choices) if choices.number(8) == 1 else choices.integer()
        rule: Any = choices.one((at.Gt, at.Ge, at.Lt, at.Le, at.MultipleOf, at.Len, lambda _: at.Predicate(is_even)))
        return Kind(Annotated[kind.annotation, rule(bound)], kind.make)


def _near(choices: Choices, bits: int, *, signed: bool) -> int:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return choices.one((0, 1, low, high, low + 1, high - 1, high // 3, low - 1, high + 1))


def _made_or_odd(choices: Choices, cls: Any, kinds: list[Kind]) -> Any:
    try:
        return cls(*(kind.make(choices) for kind in kinds))
    except Exception:
        return odd(choices)


#: Arguments that do not fit the signature are told as Python tells them.
REFUSED = (TypeError, *RAISED)


def _use(choices: Choices, cls: Any, kinds: list[Kind]) -> list[Outcome]:
    """Messages of a class that was accepted: of good and odd values, and of bytes."""
    made: list[Outcome] = [_make(choices, cls, kinds) for _ in range(1 + choices.number(3))]
    data = choices.rest()
    made.append(told(cls.ref_from_validated, data))
    try:
        view = cls.ref_from(data)
    except Exception:
        return made
    return [*made, messages.use(view)]


def _make(choices: Choices, cls: Any, kinds: list[Kind]) -> Outcome:
    """A message by position and by name, and written into a buffer."""
    seed = choices.take(48)
    count = len(kinds) + (choices.number(3) - 1 if choices.number(16) == 1 else 0)
    offset, buffer = choices.integer(), bytearray(choices.one((0, 64, 4096)))

    # Made anew for each use: some values can be used once.
    def values() -> list[Any]:
        again = Choices(seed)
        some = kinds[:count] + kinds[:1] * (count - len(kinds))
        return [odd(again) if again.number(8) == 1 else kind.make(again) for kind in some]

    def named() -> dict[str, Any]:
        return dict(zip(cls.__match_args__, values(), strict=False))

    made = Outcome(
        (
            told(lambda: cls(*values()), allowed=REFUSED),
            told(lambda: cls(**named()), allowed=REFUSED),
            told(lambda: cls.emplace(buffer, offset, **named()), allowed=REFUSED),
            told(lambda: cls.emplace(buffer, 0, *values()), allowed=REFUSED),
            bytes(buffer),
        )
    )
    try:
        message = cls(*values())
    except Exception:
        return made
    return Outcome((*made, fields_of(message), messages.use(message), told(lambda: cls.from_dict(message.to_dict()))))
