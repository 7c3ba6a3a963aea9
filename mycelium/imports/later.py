"""Imports for later: what a package imports and hardly anybody uses is imported when it is used.

structlog imports asyncio for loggers of coroutines and rich for tracebacks with all locals, pydantic `secrets` to
compare its secrets. With what these bring along, OpenSSL and pygments among it, they are a fifth of the memory
of a service, and of the time that it takes to start.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["later"]


class _LaterModule(ModuleType):
    """Stands for a module until one of its functions or classes is used."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # so that what is in it can be imported

    def __bool__(self) -> bool:
        """Not there: from Python 3.12 on, `logging` asks `sys.modules` for asyncio, and then for the current task."""
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _LaterName(self, name)


class _LaterName:
    """Stands for one name of a module."""

    def __init__(self, module: _LaterModule, name: str) -> None:
        self._place = (module, name)

    def _found(self) -> Any:
        module, name = self._place
        if sys.modules.get(module.__name__) is module:  # used while something else is still imported
            del sys.modules[module.__name__]
        return getattr(importlib.import_module(module.__name__), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)


@contextmanager
def later(*modules: str) -> Iterator[None]:
    """What is imported in this block does without these, until it uses them; packages come before what is in them.

    Those that are not installed stay missing, and those that are loaded already stay.
    """
    standing_in: dict[str, _LaterModule] = {}
    for name in modules:
        parent, _, own = name.rpartition(".")
        if name in sys.modules or not (parent in standing_in if parent else importlib.util.find_spec(name)):
            continue
        standing_in[name] = sys.modules[name] = _LaterModule(name)
        if parent:
            setattr(standing_in[parent], own, standing_in[name])
    try:
        yield
    finally:
        for name, module in standing_in.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
