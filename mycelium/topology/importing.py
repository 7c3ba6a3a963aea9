"""Finds actor classes by import path, and says what is wrong where one cannot be found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

from mycelium.actor.actor import Actor
from mycelium.errors.topology import ActorImportError, ActorModuleError, NotAnActorError, UnknownActorClassError
from mycelium.nearest import did_you_mean

__all__ = ["import_actor"]


def import_actor(path: str, file: str, key: str) -> type[Actor]:
    """The actor class at ``package.module:Class``.

    Raises `ActorModuleError`, `ActorImportError` (its cause is what the module raised),
    `UnknownActorClassError` or `NotAnActorError`, each with ``file`` and ``key``.
    """
    module_name, _, class_name = path.partition(":")
    module = _import_module(module_name, file, key)
    found: object = module
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise UnknownActorClassError(
            file=file,
            key=key,
            module=module_name,
            name=class_name,
            hint=did_you_mean(class_name, _actors_of(module), f"actors of {module_name}"),
        )
    if not (isinstance(found, type) and issubclass(found, Actor)):
        raise NotAnActorError(file=file, key=key, target=path)
    return found


def _import_module(name: str, file: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            hint = _module_hint(name, missing)
            raise ActorModuleError(file=file, key=key, module=missing, hint=hint) from error
        raise ActorImportError(file=file, key=key, module=name, cause=str(error)) from error
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__}: {error}"
        raise ActorImportError(file=file, key=key, module=name, cause=cause) from error


def _module_hint(name: str, missing: str) -> str:
    """The nearest module beside the missing one, or where modules are looked for."""
    parent, _, _ = missing.rpartition(".")
    if parent:
        package = importlib.import_module(parent)
        known = [f"{parent}.{found.name}" for found in pkgutil.iter_modules(getattr(package, "__path__", []))]
    else:
        known = [found.name for found in pkgutil.iter_modules([str(Path.cwd())])]
    hint = did_you_mean(missing, known, f"modules of {parent}" if parent else "")
    if hint.endswith("?"):
        return hint
    return hint if parent else f"run this where the package {name.partition('.')[0]!r} is, or install it"


def _actors_of(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Actor) and value.__module__ == module.__name__
    ]
