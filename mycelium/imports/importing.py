"""Imports what a command line names, and tells a module that is not there from one that raises."""

from __future__ import annotations

import importlib
from types import ModuleType

from mycelium.errors.node import TargetImportError

__all__ = ["import_named"]


def import_named(name: str) -> ModuleType:
    """The module of this name.

    Raises `ModuleNotFoundError` where there is none of that name, with a reason for users, and `TargetImportError`
    where there is one and it raises, or misses another module.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        msg = f"{name!r} is not how a module is named{_as_imported(name)}"
        raise ModuleNotFoundError(msg, name=name)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            msg = f"there is no module {error.name!r} here, nor is one installed"
            raise ModuleNotFoundError(msg, name=error.name) from error
        raise TargetImportError(module=name, cause=str(error)) from error
    except (Exception, SystemExit) as error:
        raise TargetImportError(module=name, cause=f"{type(error).__name__}: {error}") from error


def _as_imported(path: str) -> str:
    """What the module at a path is called where it is imported."""
    name = path.removesuffix(".py").removeprefix("./").strip("/").replace("/", ".")
    return f"; did you mean {name}?" if all(part.isidentifier() for part in name.split(".")) else ""
