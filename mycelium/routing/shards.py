"""Which of several copies of an actor a key belongs to: the same in every process, on every host, in every Python.

A key is hashed to 64 bits with BLAKE2b, and the hash is given a number from nought by *jump consistent hash* (John
Lamping and Eric Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014, https://arxiv.org/abs/1406.2294). Copies
have about the same number of keys each, and where there is one copy more, only about 1/N of the keys move, all of
them to the new one.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from tlv import Field
from tlv.digests import blake2b

__all__ = ["hash_of", "is_key", "jump", "shard_of"]

_MASK = (1 << 64) - 1
_KINDS = ("IntKind", "BoolKind", "EnumKind", "BytesKind", "TextKind", "VariableBytesKind", "VariableTextKind")


def is_key(field: Field) -> bool:
    """Whether messages may be divided by this field: a whole number, a bool, an enum, text, bytes, or one of them that may be null."""
    codec: Any = field.codec
    return type(getattr(codec, "inner", codec)).__name__ in _KINDS


def hash_of(key: object) -> int:
    """64 bits of a key. An enum is its number, and so is a bool. Raises ``TypeError`` for what is no key."""
    if isinstance(key, Enum):
        key = key.value
    if key is None:
        told = b"null"
    elif isinstance(key, int):
        told = b"number %d" % key
    elif isinstance(key, str):
        told = b"text " + key.encode("utf-8", "surrogatepass")
    elif isinstance(key, bytes | bytearray | memoryview):
        told = b"bytes " + bytes(key)
    else:
        msg = f"a {type(key).__qualname__} is no key"
        raise TypeError(msg)
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "little")


def jump(key: int, count: int) -> int:
    """The number, from nought, that a hash of 64 bits has among ``count``."""
    found, following = -1, 0
    while following < count:
        found = following
        key = (key * 2862933555777941757 + 1) & _MASK
        following = int((found + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return found


def shard_of(key: object, count: int) -> int:
    """Which of ``count`` copies, from nought, the messages of a key go to."""
    return jump(hash_of(key), count)
