"""What a field can be: the names that stand in annotations.

Every name is a real type to a checker (``i64`` is ``int``, ``Group[Level]`` a ``Sequence[Level]``)
and carries its layout for the compiler of declarations::

    class Order(TLV, type=1000):
        price: Annotated[Decimal, Scaled(i64, 8)]
        side: Annotated[Side, u8]
        _padding: pad[7] = padding()
        client: Annotated[str, Size(16)]
        limit: i64 | None
        fills: Group[Fill]
        note: str
"""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import BaseMetadata

from .errors import DeclarationError

__all__ = [
    "Doc",
    "FloatType",
    "Group",
    "IntType",
    "NonZero",
    "Null",
    "Scaled",
    "Size",
    "f32",
    "f64",
    "i8",
    "i16",
    "i24",
    "i32",
    "i40",
    "i48",
    "i56",
    "i64",
    "i96",
    "i112",
    "i128",
    "i160",
    "i192",
    "i224",
    "i256",
    "pad",
    "padding",
    "u8",
    "u16",
    "u24",
    "u32",
    "u40",
    "u48",
    "u56",
    "u64",
    "u96",
    "u112",
    "u128",
    "u160",
    "u192",
    "u224",
    "u256",
]


@dataclass(frozen=True, slots=True)
class IntType:
    """An integer of ``bits`` bits (a multiple of 8 up to 256), two's complement when signed."""

    bits: int
    signed: bool = True

    def __post_init__(self) -> None:
        if self.bits not in range(8, 257, 8):
            raise DeclarationError(
                where=f"IntType({self.bits})",
                reason="integers have 8 to 256 bits, a multiple of 8",
                remedy="choose such a width",
            )

    @property
    def name(self) -> str:
        """The name in layouts: ``i64``, ``u256``."""
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True, slots=True)
class FloatType:
    """An IEEE 754 number of 32 or 64 bits."""

    bits: Literal[32, 64]

    @property
    def name(self) -> str:
        """The name in layouts: ``f32`` or ``f64``."""
        return f"f{self.bits}"


@dataclass(frozen=True, slots=True)
class Size:
    """How many bytes (of ``bytes`` and ``str``) or elements (of ``tuple``) a field always has.

    Text shorter than its size is filled with NUL bytes; bytes and tuples must fit exactly.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Scaled:
    """A ``Decimal`` kept as a whole number of ``10 ** -digits`` units: ``Scaled(i64, 8)``."""

    stored: Any
    digits: int


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """The stored value that means ``None``, for ``T | None``.

    Without it: the smallest signed integer, the largest unsigned one, NaN, all-zero bytes.
    """

    value: int | float | bytes

    def _key(self) -> tuple[object, ...]:
        sign = copysign(1.0, self.value) if isinstance(self.value, float) else None
        return type(self.value), self.value, sign

    # By what is stored: typing hands out an equal annotation that was made before, and 0.0 == -0.0.
    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Null) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True, slots=True)
class NonZero(BaseMetadata):
    """A constraint beside those of annotated-types: a number that is not 0, nor an enum's member of 0.

    ::

        change: Annotated[i64, NonZero()]
    """


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field means, in which unit it counts and where its value comes from."""

    text: str = ""
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class PadType:
    """Zero bytes between fields."""

    size: int


@dataclass(frozen=True, slots=True)
class GroupType:
    """A variable number of fixed-size items."""

    item: Any


if TYPE_CHECKING:
    from collections.abc import Sequence as Group
    from typing import Literal as pad  # noqa: N813 - named like the other field types
else:

    class pad:
        """Padding of a number of bytes: ``_padding: pad[4] = padding()``."""

        def __class_getitem__(cls, size: int) -> PadType:
            return PadType(size)

    class Group:
        """A variable-length group: ``bids: Group[OrderLevel]``."""

        def __class_getitem__(cls, item: Any) -> GroupType:
            return GroupType(item)


def padding(*, init: Literal[False] = False) -> Any:
    """The value of a padding field: tells type checkers that the constructor does not take it."""
    return None


i8 = Annotated[int, IntType(8)]
i16 = Annotated[int, IntType(16)]
i24 = Annotated[int, IntType(24)]
i32 = Annotated[int, IntType(32)]
i40 = Annotated[int, IntType(40)]
i48 = Annotated[int, IntType(48)]
i56 = Annotated[int, IntType(56)]
i64 = Annotated[int, IntType(64)]
i96 = Annotated[int, IntType(96)]
i112 = Annotated[int, IntType(112)]
i128 = Annotated[int, IntType(128)]
i160 = Annotated[int, IntType(160)]
i192 = Annotated[int, IntType(192)]
i224 = Annotated[int, IntType(224)]
i256 = Annotated[int, IntType(256)]
u8 = Annotated[int, IntType(8, signed=False)]
u16 = Annotated[int, IntType(16, signed=False)]
u24 = Annotated[int, IntType(24, signed=False)]
u32 = Annotated[int, IntType(32, signed=False)]
u40 = Annotated[int, IntType(40, signed=False)]
u48 = Annotated[int, IntType(48, signed=False)]
u56 = Annotated[int, IntType(56, signed=False)]
u64 = Annotated[int, IntType(64, signed=False)]
u96 = Annotated[int, IntType(96, signed=False)]
u112 = Annotated[int, IntType(112, signed=False)]
u128 = Annotated[int, IntType(128, signed=False)]
u160 = Annotated[int, IntType(160, signed=False)]
u192 = Annotated[int, IntType(192, signed=False)]
u224 = Annotated[int, IntType(224, signed=False)]
u256 = Annotated[int, IntType(256, signed=False)]
f32 = Annotated[float, FloatType(32)]
f64 = Annotated[float, FloatType(64)]
