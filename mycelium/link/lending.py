"""The memory of samples as Python sees it: a sample goes back to its sender when the last view of its memory has died."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from sys import getrefcount
from typing import Any

__all__ = ["Lent", "memory_at"]


@lru_cache(16)
def _type_of(size: int) -> Any:
    """The type of so many bytes of memory, which takes 10 us to make."""
    return ctypes.c_ubyte * size


def memory_at(address: int, size: int) -> Any:
    """So many bytes of memory; views of it keep what is set as its attributes."""
    return _type_of(size).from_address(address)


#: How many references a token has to which only a list refers, looked at as below.
_FORGOTTEN = [getrefcount(token) for token in [object()]][0]  # noqa: RUF015


class Lent:
    """Counts the samples into whose memory somebody looks; ``most`` are allowed at a time.

    Each has a token that dies after it. Weak references to the memory would not do: they are cleared before finalizers
    run, and those may still look into it, and keep it.
    """

    __slots__ = ("_most", "_tokens")

    def __init__(self, most: int) -> None:
        self._most = most
        self._tokens: list[object] = []

    @property
    def is_full(self) -> bool:
        """Whether no more may be kept now."""
        if len(self._tokens) >= self._most:
            self._tokens = [token for token in self._tokens if getrefcount(token) > _FORGOTTEN]
        return len(self._tokens) >= self._most

    def keep(self, memory: Any, port: Any, sample: Any) -> None:
        """Let the memory keep its sample, and the port without which it would not stay mapped."""
        token = object()
        self._tokens.append(token)
        memory.kept = port, token, sample  # a tuple lets go of its last part first
