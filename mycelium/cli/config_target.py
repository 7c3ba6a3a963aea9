"""Finds the config classes that the target of `mycelium config` names."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mycelium.config import Config
from mycelium.errors import ConfigTargetError
from mycelium.imports.importing import import_named
from mycelium.nearest import did_you_mean

from .targets import use_working_directory

__all__ = ["ConfigUse", "find_configs"]


@dataclass(frozen=True)
class ConfigUse:
    """A config class, who uses it, and the section of a topology file that it gets."""

    config: type[Config]
    title: str
    section: Mapping[str, Any] | None = None
    source: str = "section"


def find_configs(target: str) -> list[ConfigUse]:
    """The configs that ``target`` names: ``module:Class``, a module or package, or a topology file.

    Modules are also looked for in the working directory. Raises `ConfigTargetError`, and the errors
    of the topology where it cannot be read.
    """
    use_working_directory()
    if target.endswith(".toml"):
        found = list(_in_topology(target))
        reason = "no actor of it takes a config"
    elif ":" in target:
        return [_in_class(target)]
    else:
        found = [ConfigUse(config, config.__name__) for config in _in_modules(target)]
        reason = "there is no Config class with a prefix in it"
    if not found:
        raise ConfigTargetError(target=target, reason=reason)
    return found


def _in_topology(path: str) -> Iterator[ConfigUse]:
    from mycelium.contracts.contract import contract_of
    from mycelium.topology import Topology
    from mycelium.topology.importing import import_actor

    topology = Topology.load(path)
    for name, spec in topology.actors.items():
        key = f"[actors.{name}.config]"
        actor = spec.actor_class
        kind = contract_of(import_actor(actor, path, key) if isinstance(actor, str) else actor).config_class
        if isinstance(kind, type) and issubclass(kind, Config):
            yield ConfigUse(kind, f"{name}: {kind.__name__}", spec.config or {}, f"{path} {key}")
    if any(spec.listen or spec.routers for spec in topology.nodes.values()):
        from mycelium.link.config import LinkConfig

        yield ConfigUse(LinkConfig, f"links between hosts: {LinkConfig.__name__}")


def _in_class(target: str) -> ConfigUse:
    module_name, _, class_name = target.partition(":")
    module = _import(target, module_name)
    found = getattr(module, class_name, None)
    if found is None:
        known = [config.__name__ for config in _defined_in(module)]
        raise ConfigTargetError(target=target, reason=did_you_mean(class_name, known, "its config classes"))
    if isinstance(found, type) and issubclass(found, Config):
        return ConfigUse(found, found.__name__)
    from mycelium.actor.actor import Actor
    from mycelium.contracts.contract import contract_of

    kind = contract_of(found).config_class if isinstance(found, type) and issubclass(found, Actor) else None
    if isinstance(kind, type) and issubclass(kind, Config):
        return ConfigUse(kind, f"{found.__name__}: {kind.__name__}")
    raise ConfigTargetError(target=target, reason=f"{class_name} is neither a Config nor an actor that takes one")


def _in_modules(target: str) -> Iterator[type[Config]]:
    module = _import(target, target)
    yield from _defined_in(module)
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{target}."):
        yield from _defined_in(_import(target, inner.name))


def _defined_in(module: ModuleType) -> list[type[Config]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Config)
        and value.__module__ == module.__name__
        and value.model_config.get("env_prefix")
    ]


def _import(target: str, name: str) -> ModuleType:
    try:
        return import_named(name)
    except ModuleNotFoundError as error:
        raise ConfigTargetError(target=target, reason=str(error)) from error
