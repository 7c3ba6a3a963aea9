"""What messages written by hand share: comparison, text, checks, and integers wider than `struct` knows."""

from __future__ import annotations

from typing import Any

__all__ = [
    "NO_ADDRESS",
    "NO_TICK",
    "NO_U128",
    "NO_U160",
    "NO_U256",
    "Message",
    "address",
    "at_least",
    "optional",
    "signed",
    "unsigned",
    "value",
]

NO_TICK = -(2**31)
NO_U128 = 2**128 - 1
NO_U160 = 2**160 - 1
NO_U256 = 2**256 - 1
NO_ADDRESS = bytes(20)


class Message:
    """Compares and shows its slots."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__slots__))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


def unsigned(number: int, size: int) -> bytes:
    """The bytes of an integer that struct has no letter for."""
    return number.to_bytes(size, "little")


def signed(number: int, size: int) -> bytes:
    """The same, with a sign."""
    return number.to_bytes(size, "little", signed=True)


def value(data: bytes, *, sign: bool = False) -> int:
    """The integer of such bytes."""
    return int.from_bytes(data, "little", signed=sign)


def optional(stored: Any, none: Any) -> Any:
    """None where the value that stands for it is stored."""
    return None if stored == none else stored


def address(data: bytes, name: str) -> bytes:
    """An address, where it is one; struct would cut or fill it without a word."""
    if len(data) != 20:
        raise ValueError(f"{name} must have 20 bytes")
    return data


def at_least(number: int, lowest: int, name: str) -> None:
    """Raise where a field is too small."""
    if number < lowest:
        raise ValueError(f"{name} must be at least {lowest}")
