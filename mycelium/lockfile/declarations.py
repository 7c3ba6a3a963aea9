"""What a target declares: its messages, message sets, actors, configs, errors and topologies."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from mycelium.actor.actor import Actor
from mycelium.config import Config
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import MessageSet
from mycelium.errors.contract import ContractTargetError
from mycelium.imports.importing import import_named
from mycelium.nearest import did_you_mean
from mycelium.topology import Topology
from mycelium.topology.importing import import_actor
from tlv import TLV, DeclaredError

__all__ = ["Declarations", "declarations_of"]


@dataclass
class Declarations:
    """Classes in the order in which they were found, each once."""

    messages: dict[type[TLV], None] = field(default_factory=dict)
    sets: dict[str, MessageSet] = field(default_factory=dict)
    actors: dict[type[Any], None] = field(default_factory=dict)
    configs: dict[type[Config], None] = field(default_factory=dict)
    errors: dict[type[DeclaredError], None] = field(default_factory=dict)
    topologies: list[Topology] = field(default_factory=list)

    def add(self, value: object) -> bool:
        """Take in what is part of a contract; says whether it is."""
        declared = getattr(value, "__dict__", {}).get("__message_set__", value)
        if isinstance(declared, MessageSet):
            self.sets[declared.name] = declared
            self.messages.update(dict.fromkeys(declared.messages))
        elif not isinstance(value, type):
            return False
        elif issubclass(value, TLV) and value is not TLV:
            self.messages[value] = None
        elif issubclass(value, DeclaredError) and "code" in vars(value):
            self.errors[value] = None
        elif issubclass(value, Config) and value.model_config.get("env_prefix"):
            self.configs[value] = None
        elif issubclass(value, Actor) and (contract_of(value).handled or contract_of(value).emits):
            self.add_actor(value)
        else:
            return False
        return True

    def add_actor(self, actor: type[Any]) -> None:
        """With what it receives and emits, and its config."""
        contract = contract_of(actor)
        self.actors[actor] = None
        self.messages.update(dict.fromkeys((*contract.receives, *contract.emits)))
        if contract.config_class is not None:
            self.add(contract.config_class)


def declarations_of(targets: Iterable[str]) -> Declarations:
    """Everything that these targets declare: ``module``, ``module:Name``, or a topology file.

    A package counts with all its modules. Raises `ContractTargetError`, `TargetImportError`, and the
    errors of a topology that cannot be read. Modules are also looked for in the working directory.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = Declarations()
    for target in targets:
        if target.endswith(".toml"):
            _add_topology(found, target)
        elif ":" in target:
            _add_named(found, target)
        elif not sum(found.add(value) for module in _modules(target) for value in _offered_by(module)):
            raise ContractTargetError(target=target, reason="it declares no message, actor, config or error")
    return found


def _add_topology(found: Declarations, path: str) -> None:
    topology = Topology.load(path)
    for name, spec in topology.actors.items():
        actor = spec.actor_class
        found.add_actor(import_actor(actor, path, f"[actors.{name}]") if isinstance(actor, str) else actor)
    found.topologies.append(topology)


def _add_named(found: Declarations, target: str) -> None:
    module_name, _, path = target.partition(":")
    value: object = _import(target, module_name)
    for name in path.split("."):
        if not hasattr(value, name):
            hint = did_you_mean(name, _names_in(value), "messages, sets, actors, configs or errors there")
            raise ContractTargetError(target=target, reason=f"there is no {name!r}; {hint}")
        value = getattr(value, name)
    if not found.add(value):
        raise ContractTargetError(target=target, reason="it is no message, message set, actor, config or error")


def _names_in(value: object) -> list[str]:
    return [name for name, one in getattr(value, "__dict__", {}).items() if Declarations().add(one)]


def _modules(target: str) -> Iterator[ModuleType]:
    module = _import(target, target)
    yield module
    for inner in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{target}."):
        if not inner.name.endswith(".__main__"):
            yield _import(target, inner.name)


def _offered_by(module: ModuleType) -> Iterator[object]:
    """What a module exports, and what it declares itself but for private names."""
    exported = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        own = getattr(value, "__module__", "") == module.__name__ or isinstance(value, MessageSet)
        if (exported is not None and name in exported) or (own and not name.startswith("_")):
            yield value


def _import(target: str, name: str) -> ModuleType:
    try:
        return import_named(name)
    except ModuleNotFoundError as error:
        raise ContractTargetError(target=target, reason=str(error)) from error
