"""Messages, their bytes, parts and iterators, kept and dropped in any order, over buffers that change meanwhile."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

from . import schema
from .choices import Choices
from .outcomes import Outcome, is_message, told

__all__ = ["Lifetimes"]

#: What using something that was released, emptied or is in use may raise, by Python's own types.
REFUSED = (ValueError, BufferError, TypeError, IndexError, StopIteration, AttributeError, ZeroDivisionError)


def is_opaque(one: Any) -> bool:
    """What each implementation has a type of its own for: methods and iterators."""
    return callable(one) or hasattr(one, "__next__")


class Lifetimes:
    """The target: a shelf of objects, and steps that put others on it, read them, change them or let them go."""

    def __init__(self, t: Any) -> None:
        self.t = t
        kinds = {cls.__name__: cls for cls in schema.declare(t) if cls.layout.byteorder == "little"}
        level, odd, inner = (kinds[name] for name in ("Level", "Odd", "Inner"))
        levels = [level(n, 2**200 + n) for n in range(3)]
        odds = [odd(True, n, "ab") for n in range(4)]
        inners = [inner(one, levels[:2], 9) for one in odds[:2]]
        samples = [levels[0], inners[0], kinds["Text"]("naïve"), kinds["Varied"](7, "n", b"d", levels, odds, inners)]
        self.classes = [type(one) for one in samples]
        self.samples = [bytes(one) for one in samples]

    def __call__(self, choices: Choices) -> Outcome:
        shelf: list[Any] = [None] * 8
        return Outcome(self._step(choices, shelf) for _ in range(choices.number(64)))

    def _step(self, choices: Choices, shelf: list[Any]) -> Outcome:
        which, to = choices.number(len(STEPS)), choices.number(len(shelf))
        at, more = choices.number(len(shelf)), choices.number(256)
        made: list[Any] = []

        def do() -> Any:
            made.append(STEPS[which](self, shelf, at, more))
            return None if is_opaque(made[0]) else made[0]

        outcome = told(do, allowed=REFUSED)
        if outcome[0] == "error" and outcome[1] in {kind.__name__ for kind in REFUSED}:
            outcome = Outcome(outcome[:2])  # of Python's own errors, the kind: what is asked is another object
        elif made and which not in SILENT:
            shelf[to] = made[0]
        return outcome

    def make(self, shelf: list[Any], at: int, more: int) -> Any:
        number = more % len(self.classes)
        return self.classes[number].read_from(self.samples[number])

    def buffer(self, shelf: list[Any], at: int, more: int) -> Any:
        return bytearray(self.samples[more % len(self.samples)])

    def view(self, shelf: list[Any], at: int, more: int) -> Any:
        # A message is a buffer itself only from Python 3.12 on, in the twin.
        source = shelf[at].as_bytes() if is_message(shelf[at]) else None if is_opaque(shelf[at]) else shelf[at]
        return self.classes[more % len(self.classes)].ref_from(source)

    def turn(self, shelf: list[Any], at: int, more: int) -> Any:
        """Another class, then the first one again, with a look at it meanwhile."""
        message = shelf[at]
        if not is_message(message):
            return None
        first = type(message)
        try:
            message.__class__ = self.classes[more % len(self.classes)]
            return type(message).__name__
        finally:
            message.__class__ = first


def _method(shelf: list[Any], at: int, more: int) -> Any:
    return getattr(shelf[at], ("as_bytes", "to_owned", "validate")[more % 3])


def _call(shelf: list[Any], at: int, more: int) -> Any:
    return shelf[at]() if callable(shelf[at]) else None


def _part(shelf: list[Any], at: int, more: int) -> Any:
    names = type(shelf[at]).__match_args__
    return getattr(shelf[at], names[more % len(names)])


def _slice(shelf: list[Any], at: int, more: int) -> Any:
    return shelf[at][more % 16 : more % 16 + more]


def _drop(shelf: list[Any], at: int, more: int) -> Any:
    shelf[at] = None


def _collect(shelf: list[Any], at: int, more: int) -> Any:
    gc.collect(more % 3)


def _change(shelf: list[Any], at: int, more: int) -> Any:
    if isinstance(shelf[at], bytearray | memoryview):
        shelf[at][more % len(shelf[at])] = more


def _resize(shelf: list[Any], at: int, more: int) -> Any:
    if isinstance(shelf[at], bytearray):
        shelf[at].extend(bytes(more))


def _again(shelf: list[Any], at: int, more: int) -> Any:
    if isinstance(shelf[at], int):
        return None  # bytes(n) are as many zeros
    return (copy.copy, copy.deepcopy, bytes, lambda one: one.replace(), lambda one: one.to_owned())[more % 5](shelf[at])


def _memory(shelf: list[Any], at: int, more: int) -> Any:
    if not isinstance(shelf[at], memoryview):
        return None
    uses: tuple[Callable[[memoryview], Any], ...] = (
        lambda view: view.cast("c"),
        memoryview.toreadonly,
        lambda view: hash(view) == hash(bytes(view)),
        lambda view: weakref.ref(view)() is view,
        memoryview.release,
        memoryview.tobytes,
        memoryview,
    )
    return uses[more % len(uses)](shelf[at])


def _compare(shelf: list[Any], at: int, more: int) -> Any:
    other = shelf[more % len(shelf)]
    return type(other) is type(shelf[at]) and not is_opaque(other) and shelf[at] == other


def _walk(shelf: list[Any], at: int, more: int) -> Any:
    # CPython, up to 3.13 at least, gives an iterator of a released memoryview together with an error.
    return None if isinstance(shelf[at], memoryview) else iter(shelf[at])


def _next(shelf: list[Any], at: int, more: int) -> Any:
    return next(shelf[at])


def _reduced(shelf: list[Any], at: int, more: int) -> Any:
    """What a pickle of it makes."""
    restore, (cls, digest, data) = shelf[at].__reduce__()[:2]
    return restore(cls, digest, data)


def _look(shelf: list[Any], at: int, more: int) -> Any:
    return None if is_opaque(shelf[at]) else shelf[at]


def free(step: Callable[[list[Any], int, int], Any]) -> Callable[[Lifetimes, list[Any], int, int], Any]:
    """As a method."""
    return lambda _, shelf, at, more: step(shelf, at, more)


STEPS: tuple[Callable[[Lifetimes, list[Any], int, int], Any], ...] = (
    Lifetimes.make,
    Lifetimes.buffer,
    Lifetimes.view,
    free(_part),
    free(_method),
    free(_call),
    free(_slice),
    free(_again),
    free(_memory),
    free(_walk),
    free(_next),
    free(_drop),
    free(_drop),
    free(_change),
    free(_resize),
    free(_collect),
    free(_compare),
    free(_look),
    free(_reduced),
    Lifetimes.turn,
)
#: Steps whose result is not kept.
SILENT = {11, 12, 13, 14, 15, 16, 17, 19}
