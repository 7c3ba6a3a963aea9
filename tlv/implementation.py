"""Which implementation of the message layer runs, and how the compiled one takes its place.

``MYCELIUM_TLV`` is read once, when `tlv` is imported:

    native    the compiled core `tlv._native`; an error where it was not built
    python    its twin in Python: the specification, and what type checkers read
    legacy    messages that are copied and unpacked when they are read, `tlv.legacy`: the way back
    (unset)   native where it was built, else python

The twin is written as if it were alone. A class of it that has a compiled part says so with
`compiled`; declarations are made by the functions of `tlv.codegen`, `tlv.native_core` or `tlv.legacy`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType
from typing import Any, TypeVar

from .errors import ImplementationError

__all__ = ["CHOICES", "VARIABLE", "available", "compiled", "explanation", "native", "running"]

VARIABLE = "MYCELIUM_TLV"
CHOICES = ("native", "python", "legacy")

#: What it costs to run without the compiled core; measured by `mycelium bench ab`.
SLOWER = "so making and reading messages takes about 7 times as long"

C = TypeVar("C", bound=type[Any])


def _load(choice: str) -> ModuleType | None:
    """The compiled core, or none where the twin is to run."""
    if choice not in ("", *CHOICES):
        raise ImplementationError(choice=choice, reason="it is unknown", remedy=f"set it to {' or '.join(CHOICES)}")
    if choice not in ("", "native"):
        return None
    try:
        return importlib.import_module("tlv._native")
    except ImportError as cause:
        if not choice:
            return None
        raise ImplementationError(
            choice=choice,
            reason=f"it was not built ({cause})",
            remedy=f"install again where there is a C compiler, or unset {VARIABLE}",
        ) from cause


#: The compiled core, where it runs.
native = _load(os.environ.get(VARIABLE, ""))
#: Which implementation runs: one of `CHOICES`.
running = "native" if native is not None else "legacy" if os.environ.get(VARIABLE) == "legacy" else "python"


def available() -> tuple[str, ...]:
    """The implementations that can run here, the default one first."""
    built = importlib.util.find_spec("tlv._native") is not None
    return CHOICES if built else tuple(one for one in CHOICES if one != "native")


def explanation() -> str:
    """Which implementation runs, in a word, and where it is not the fast one, why and what that costs."""
    if running == "native":
        return running
    if os.environ.get(VARIABLE):
        return f"{running}, as {VARIABLE} says"
    return f"{running}; the compiled core was not built here, {SLOWER}"


def compiled(cls: C) -> C:
    """Class decorator: where the core has a class of this name, its methods take the place of ours.

    The class is then made again on the compiled one as its base, without the slots and without
    every name that the base has; what the core does not have stays as it is written here.
    """
    base: Any = getattr(native, cls.__name__, None)
    if base is None:
        return cls
    if issubclass(base, type):
        return base  # type: ignore[no-any-return]
    metaclass: Any = type(cls)
    made: C = metaclass(cls.__name__, (base, *_bases(cls)), remaining(dict(vars(cls)), base))
    return made


def remaining(namespace: dict[str, Any], base: type[Any]) -> dict[str, Any]:
    """The namespace of a class body without what a compiled base has of it."""
    slots = namespace.get("__slots__", ())
    gone = {*vars(base), *slots, "__slots__", "__dict__", "__weakref__", "_abc_impl", "__abstractmethods__"}
    kept = {name: value for name, value in namespace.items() if name not in gone - {"__doc__", "__module__"}}
    return kept | {"__slots__": ()}


def _bases(cls: type[Any]) -> tuple[type[Any], ...]:
    return tuple(one for one in cls.__bases__ if one is not object)
