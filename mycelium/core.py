"""Which implementation moves the mail: the compiled core `mycelium._native`, or its twin in Python.

It is the one that `tlv` runs on, so ``MYCELIUM_TLV`` chooses for both. Where the extension was not
built, and in a Python without a GIL, for which it is not made, the twin runs.

The twin is the specification, and what type checkers read. A class of it that the core has says so
with `compiled`, and is replaced as a whole: `Queue`, `Cell`, `Sampled`, `Inbox`, `Gate`, `Run`,
`Teller`, `Splitter`, `Emitter` and `Route`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from tlv import implementation

__all__ = ["TWINS", "compiled", "gil_is_on", "native"]

C = TypeVar("C", bound=type[Any])


def gil_is_on() -> bool:
    """Whether only one thread at a time runs Python code: always, but in a free-threaded build."""
    probe: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return probe()


def _load() -> ModuleType | None:
    if implementation.running != "native" or not gil_is_on():
        return None
    try:
        return importlib.import_module("mycelium._native")
    except ImportError:
        return None


#: The compiled core, where it runs.
native: Any = _load()

#: The classes that the core has, as they are written in Python, whichever run.
TWINS: dict[str, Any] = {}


def compiled(cls: C) -> C:
    """Class decorator: where the core runs, the class of this name that it has."""
    TWINS[cls.__name__] = cls
    found: C = getattr(native, cls.__name__, cls)
    return found
