"""How one value of each fixed-size field type lies in bytes.

A kind is one token of a layout: its size, its ``struct`` format, and the two conversions between
what ``struct`` packs and what the user sees. Kinds raise plain ``ValueError`` and ``TypeError``;
the message class turns these into errors that name the field.
"""

from __future__ import annotations

import operator
import struct
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from .types import FloatType, IntType

__all__ = ["ByteOrder", "Kind"]

ByteOrder = Literal["little", "big"]

_INT_FORMATS = {8: "b", 16: "h", 32: "i", 64: "q"}


class Kind:
    """One token of a layout; `direct` means that ``struct`` itself gives the user's value."""

    name: str
    size: int
    format: str
    direct = False

    def encode(self, value: Any) -> Any:
        """What ``struct`` packs for a value; raises ``ValueError`` or ``TypeError``."""
        return value

    def decode(self, stored: Any) -> Any:
        """The user's value for what ``struct`` unpacked."""
        return stored

    def raw(self, stored: Any) -> Any:
        """The stored number, before enums, decimals and nulls."""
        return stored

    def to_json(self, value: Any) -> Any:
        """The value as JSON holds it."""
        return value

    def from_json(self, value: Any) -> Any:
        """The inverse of `to_json`."""
        return value


class IntKind(Kind):
    """Integers; those without a ``struct`` code go through ``int.to_bytes``."""

    def __init__(self, declared: IntType, byteorder: ByteOrder) -> None:
        self.name = declared.name
        self.size = declared.bits // 8
        self.signed = declared.signed
        self.byteorder: ByteOrder = byteorder
        self.low = -(1 << (declared.bits - 1)) if declared.signed else 0
        self.high = (1 << (declared.bits - (1 if declared.signed else 0))) - 1
        code = _INT_FORMATS.get(declared.bits)
        self.direct = code is not None
        self.format = (code if declared.signed else code.upper()) if code else f"{self.size}s"

    def check(self, value: Any) -> int:
        """The value as an int inside the range."""
        number = operator.index(value)
        if not self.low <= number <= self.high:
            msg = f"outside {self.low}..{self.high}"
            raise ValueError(msg)
        return number

    def encode(self, value: Any) -> Any:
        number = self.check(value)
        return number if self.direct else number.to_bytes(self.size, self.byteorder, signed=self.signed)

    def decode(self, stored: Any) -> int:
        if self.direct:
            return stored  # type: ignore[no-any-return]
        return int.from_bytes(stored, self.byteorder, signed=self.signed)

    def raw(self, stored: Any) -> int:
        return self.decode(stored)

    def to_json(self, value: Any) -> Any:
        return value if self.size <= 8 else str(value)

    def from_json(self, value: Any) -> Any:
        return int(value) if isinstance(value, str) else value


class FloatKind(Kind):
    """IEEE 754 numbers."""

    direct = True

    def __init__(self, declared: FloatType) -> None:
        self.name = declared.name
        self.size = declared.bits // 8
        self.format = "f" if declared.bits == 32 else "d"
        self.stored = struct.Struct(f"<{self.format}")

    def encode(self, value: Any) -> float:
        """The value as it will be read: rounded to the width."""
        try:
            return self.stored.unpack(self.stored.pack(value))[0]  # type: ignore[no-any-return]
        except (struct.error, OverflowError) as cause:
            too_large = isinstance(cause, OverflowError) or isinstance(value, int)
            msg = f"too large for {self.name}" if too_large else "not a number"
            raise ValueError(msg) from cause

    def to_json(self, value: float) -> Any:
        finite = value - value == 0
        return value if finite else str(value)

    def from_json(self, value: Any) -> Any:
        return float(value) if isinstance(value, str) else value


class BoolKind(Kind):
    """One byte: 0 is false, anything else reads as true."""

    name = "bool"
    size = 1
    format = "?"

    def encode(self, value: Any) -> bool:
        if value is True or value is False:
            return value
        msg = "not a bool"
        raise TypeError(msg)


class EnumKind(Kind):
    """Enums and flag sets over an integer; an unknown value survives as a number."""

    def __init__(self, members: type[Enum], stored: IntKind) -> None:
        self.members = members
        self.stored = stored
        self.name = f"{members.__name__}:{stored.name}"
        self.size = stored.size
        self.format = stored.format

    def encode(self, value: Any) -> Any:
        if not isinstance(value, Enum):
            return self.stored.encode(value)
        if not isinstance(value, self.members):
            msg = f"not a {self.members.__name__}"
            raise TypeError(msg)
        return self.stored.encode(value.value)

    def decode(self, stored: Any) -> Any:
        return self.member(self.stored.decode(stored))

    def member(self, number: int) -> Any:
        """The member of that number, or the number."""
        try:
            member = self.members(number)
        except ValueError:
            return number
        # Flags may drop unknown bits, or read a negative number as all of them.
        return member if getattr(member, "value", None) == number else number

    def raw(self, stored: Any) -> int:
        return self.stored.decode(stored)

    def to_json(self, value: Any) -> Any:
        return self.stored.to_json(value.value if isinstance(value, Enum) else value)

    def from_json(self, value: Any) -> Any:
        return self.stored.from_json(value)


class ScaledKind(Kind):
    """Exact decimals: a whole number of ``10 ** -digits`` units."""

    def __init__(self, stored: IntKind, digits: int) -> None:
        self.stored = stored
        self.digits = digits
        self.name = f"decimal({stored.name}, {digits})"
        self.size = stored.size
        self.format = stored.format

    def encode(self, value: Any) -> Any:
        if not isinstance(value, Decimal):
            if not hasattr(value, "__index__"):
                msg = "not a Decimal or int"
                raise TypeError(msg)
            return self.stored.encode(operator.index(value) * 10**self.digits)
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            msg = "not a finite number"
            raise ValueError(msg)
        # Integer arithmetic: Decimal's own would round to the precision of the caller's context.
        number = int("".join(map(str, digits)) or "0")
        shift = exponent + self.digits
        if number and shift > 100:
            msg = f"outside {self.stored.low}..{self.stored.high} units of 1e-{self.digits}"
            raise ValueError(msg)
        if shift >= 0:
            number *= 10**shift if number else 1
        else:
            # More than len(digits) places below the unit: only zero is left, and 10**n would be huge.
            number, lost = divmod(number, 10**-shift) if -shift <= len(digits) else (0, number)
            if lost:
                msg = f"finer than 1e-{self.digits}"
                raise ValueError(msg)
        return self.stored.encode(-number if sign else number)

    def decode(self, stored: Any) -> Decimal:
        return Decimal(f"{self.stored.decode(stored)}e-{self.digits}")

    def raw(self, stored: Any) -> int:
        return self.stored.decode(stored)

    def to_json(self, value: Decimal) -> str:
        return format(value, "f")

    def from_json(self, value: Any) -> Any:
        return Decimal(value) if isinstance(value, str) else value


class BytesKind(Kind):
    """Bytes of a fixed number."""

    def __init__(self, size: int) -> None:
        self.name = f"bytes[{size}]"
        self.size = size
        self.format = f"{size}s"
        self.direct = False

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray | memoryview):
            msg = "not bytes"
            raise TypeError(msg)
        data = bytes(value)
        if len(data) != self.size:
            msg = f"{len(data)} bytes, not {self.size}"
            raise ValueError(msg)
        return data

    def to_json(self, value: bytes) -> str:
        return f"0x{value.hex()}"

    def from_json(self, value: Any) -> bytes:
        return unhexed(value)


class TextKind(Kind):
    """UTF-8 in a fixed number of bytes, filled with NUL."""

    def __init__(self, size: int) -> None:
        self.name = f"text[{size}]"
        self.size = size
        self.format = f"{size}s"

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            msg = "not text"
            raise TypeError(msg)
        data = value.encode()
        if len(data) > self.size:
            msg = f"{len(data)} bytes of UTF-8, more than {self.size}"
            raise ValueError(msg)
        if "\0" in value:
            msg = "NUL characters are the filling"
            raise ValueError(msg)
        return data

    def decode(self, stored: bytes) -> str:
        return stored.rstrip(b"\0").decode()


def listed(value: Any) -> list[Any]:
    """A JSON list; text and objects could be iterated too, and would be misread."""
    if not isinstance(value, list):
        msg = f"{value!r} is not a list"
        raise TypeError(msg)
    return value


def unhexed(value: Any) -> bytes:
    """The bytes that a JSON text like ``0x00ff`` means."""
    if not isinstance(value, str):
        msg = f"{value!r} is not text"
        raise TypeError(msg)
    return bytes.fromhex(value.removeprefix("0x"))
