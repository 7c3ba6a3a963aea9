"""Bytes read as a message, in every way that there is, and everything done with it that can be done."""

from __future__ import annotations

import array
import copy
from collections.abc import Callable
from typing import Any

from . import schema
from .choices import HOSTILE, Choices
from .outcomes import Outcome, plain, told

__all__ = ["Messages", "use"]


def released(data: bytes) -> memoryview:
    view = memoryview(data)
    view.release()
    return view


#: The ways in which bytes can lie in memory.
SOURCES: tuple[Callable[[bytes], Any], ...] = (
    bytes,
    bytearray,
    memoryview,
    lambda data: memoryview(bytearray(data)),
    lambda data: memoryview(bytearray(b"x" + data))[1:],
    lambda data: memoryview(data).toreadonly(),
    lambda data: memoryview(bytes(2 * len(data)))[::2],
    lambda data: memoryview(data)[::-1],
    lambda data: array.array("B", data),
    lambda data: memoryview(data).cast("c"),
    released,
    lambda data: memoryview(memoryview(data)),
    lambda data: data.hex(),
)


class Messages:
    """The target."""

    def __init__(self, t: Any) -> None:
        self.classes = schema.declare(t)

    def __call__(self, choices: Choices) -> Outcome:
        cls = choices.one(self.classes)
        source = choices.one(SOURCES)
        plainly = choices.number(4) < 3
        offset = 0 if plainly else choices.integer()
        length = None if plainly or choices.flag() else choices.integer()
        target = choices.one((0, 8, 64, 4096))
        data = choices.rest()
        read = tuple(
            told(call, source(data), offset, length) for call in (cls.ref_from, cls.read_from, cls.ref_from_validated)
        )
        try:
            view = cls.ref_from(source(data), offset, length)
        except Exception:
            return Outcome(read)
        return Outcome((*read, use(view, target)))


def use(view: Any, target: int = 64) -> Outcome:
    """All that a program may do with a message; `target` is the size of a buffer to write it to."""
    cls = type(view)
    owned = view.to_owned()
    again = cls.read_from(bytes(view))
    same = told(
        lambda: (
            view == owned == copy.copy(view) == copy.deepcopy(view) == again
            and hash(view) == hash(owned) == hash(again)
            and bytes(view.as_bytes()) == bytes(view) == bytes(owned)
        )
    )
    assert same == plain(True) or same[0] == "error"
    buffer = bytearray(target)
    return Outcome(
        (
            same,
            told(lambda: repr(view)),
            told(view.validate),
            told(view.to_dict),
            told(view.to_json),
            told(lambda: cls.from_json(view.to_json())),
            told(lambda: cls.from_dict(view.to_dict())),
            told(view.replace),
            told(view.write_into, buffer, min(HOSTILE[target % 7], target)),
            bytes(buffer),
            tuple(told(view.raw, name) for name in cls.__match_args__ if not is_variable(cls, name)),
            tuple(told(getattr, owned, name) for name in cls.__match_args__),
            told(lambda: view.__reduce__()[1][1:]),
        )
    )


def is_variable(cls: Any, name: str) -> bool:
    return bool(cls.layout[name].is_variable)
