"""Groups in damaged messages: counts and sizes past the end, views of items, slices, columns."""

from __future__ import annotations

import operator
import struct
from typing import Any

from . import schema
from .choices import HOSTILE, Choices
from .outcomes import Outcome, told

__all__ = ["Groups"]


class Groups:
    """The target: a good message, words of it replaced, its groups read in an order that the input chooses."""

    def __init__(self, t: Any) -> None:
        kinds = {(cls.__name__, cls.layout.byteorder): cls for cls in schema.declare(t)}
        self.samples = [_sample(kinds, order) for order in ("little", "big")]

    def __call__(self, choices: Choices) -> Outcome:
        cls, good = choices.one(self.samples)
        data = bytearray(good)
        for _ in range(choices.number(6)):
            _damage(choices, data, cls.layout.byteorder)
        if choices.flag():
            del data[len(data) - min(len(data), choices.number(200)) :]
        told_so_far = [told(cls.ref_from, bytes(data))]
        buffer = bytearray(data)
        try:
            view = cls.ref_from(buffer)
        except Exception:
            return Outcome(told_so_far)
        return Outcome(told_so_far + [_step(choices, view, buffer) for _ in range(choices.number(12))])


def _sample(kinds: dict[tuple[str, str], Any], order: str) -> tuple[Any, bytes]:
    level, odd, inner, varied = (kinds[name, order] for name in ("Level", "Odd", "Inner", "Varied"))
    levels = [level(n, 2**200 + n) for n in range(3)]
    odds = [odd(True, n, "ab") for n in range(5)]
    return varied, bytes(varied(7, "naïve", b"data", levels, odds, [inner(odds[0], levels[:2], 9)]))


def _damage(choices: Choices, data: bytearray, order: str) -> None:
    word = choices.one(HOSTILE[:15]) if choices.flag() else choices.number(256)
    at = 4 * choices.number(256) + (1 if choices.flag() else 0)  # the words of the fixed block stand at odd places
    if at + 4 <= len(data):
        struct.pack_into("<I" if order == "little" else ">I", data, at, word)


def _step(choices: Choices, view: Any, buffer: bytearray) -> Outcome:
    """Reads something of a group, or damages the buffer under the view."""
    kind = choices.number(7)
    if kind == 0:
        _damage(choices, buffer, type(view).layout.byteorder)
        return told(lambda: repr(view))
    name = choices.one(("levels", "odds", "inners"))
    if kind == 1:
        return told(view.columns, name)
    if kind == 2:
        return told(getattr, view, name)
    try:
        group = getattr(view, name)
    except Exception:
        return told(getattr, view, name)
    if kind == 3:
        # Beyond a machine word only the texts differ: each says what its arithmetic says.
        index = choices.integer() % 2**62 - 2**61 if choices.flag() else choices.number(16) - 8
        return told(operator.getitem, group, index, allowed=(IndexError,))
    if kind == 4:
        return told(lambda: group[_bound(choices) : _bound(choices) : _bound(choices) or 1])
    if kind == 5:
        return told(lambda: (len(group), list(group) == [*group[:]], group == tuple(group), repr(group)))
    return told(lambda: (list(reversed(group)), group.index(group[0]) if len(group) else None, group.count(5)))


def _bound(choices: Choices) -> int | None:
    return None if choices.flag() else choices.number(32) - 16
