"""The lock of what is declared: everything of it as facts, in an order that does not depend on imports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mycelium.config import Config
from mycelium.config.settings import declared_settings
from mycelium.contracts.contract import Contract, contract_of
from mycelium.contracts.domain import Domain
from mycelium.mailbox.bounds import UNLIMITED
from mycelium.routing.route_plan import plan_routes
from mycelium.topology import Topology
from mycelium.topology.importing import import_actor
from tlv import DeclaredError, Limits
from tlv.variable import GROUP_COUNT_MAX

from .declarations import Declarations, declarations_of
from .lock import Facts, Lock
from .message_facts import Names, message_facts, place_of, with_inner
from .toml import Inline

__all__ = ["lock_of"]


def lock_of(targets: Iterable[str]) -> Lock:
    """What the code of these targets promises now.

    Example: ``lock_of(["tlv.market_data"]).to_toml()``. Raises what `declarations_of` raises.
    """
    targets = tuple(dict.fromkeys(targets))
    found = declarations_of(targets)
    messages, enums = message_facts(found.messages)
    names = Names(with_inner(found.messages))
    sections: dict[str, Facts] = {
        "messages": messages,
        "enums": enums,
        "sets": {name: _set_facts(found.sets[name], names) for name in sorted(found.sets)},
        "actors": _actors(found, names),
        "routes": {
            str(topology.name): _routes(topology, names)
            for topology in sorted(found.topologies, key=lambda one: str(one.name))
        },
        "configs": _configs(found.configs),
        "errors": {one.code: _error_facts(one) for one in sorted(found.errors, key=lambda one: one.code)},
    }
    if messages:
        sections["limits"] = {"frame_bytes": Limits().frame_size, "group_items": GROUP_COUNT_MAX}
    if found.sets:
        used = {one.domain for one in found.sets.values()}
        sections["domains"] = {one.name: [one.first, one.last] for one in Domain if one in used}
    return Lock(targets, sections)


def _set_facts(declared: Any, names: Names) -> Facts:
    told: Facts = {"domain": declared.domain.name, "digest": declared.digest}
    return told | {"members": _Rows(names[one] for one in declared.messages)}


class _Rows(list[str]):
    """Names in an order that means nothing."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(sorted(names))


def _actors(found: Declarations, names: Names) -> Facts:
    actors = Names(found.actors)
    return {actors[one]: _actor_facts(one, contract_of(one), names) for one in sorted(found.actors, key=place_of)}


def _actor_facts(actor: type[Any], contract: Contract, names: Names) -> Facts:
    told: Facts = {"class": place_of(actor), "emits": _Rows(names[one] for one in contract.emits)}
    if contract.ignores:
        told["ignores"] = _Rows(names[one] for one in contract.ignores)
    if contract.config_class is not None:
        told["config"] = place_of(contract.config_class)
    bound = contract.bound
    mailbox = Inline(capacity="unlimited" if bound.capacity >= UNLIMITED else bound.capacity)
    if bound.bytes_max is not None:
        mailbox["bytes_max"] = bound.bytes_max
    mailbox["deadline_s"] = bound.deadline_s
    told["mailbox"] = mailbox
    full = {one: f"{policy} by {', '.join(key)}" if key else policy for one, (policy, key) in contract.policies.items()}
    return told | {"handles": {names[one]: full[one] for one in sorted(full, key=lambda one: names[one])}}


def _routes(topology: Topology, names: Names) -> Facts:
    """Sender and message, and who gets it in any of the profiles."""
    told: dict[str, set[str]] = {}
    for profile in topology.profiles or (None,):
        running = {name: spec for name, spec in topology.actors.items() if spec.runs_in(profile)}
        classes = {
            name: import_actor(one, topology.file, f"[actors.{name}]") if isinstance(one, str) else one
            for name, spec in running.items()
            for one in (spec.actor_class,)
        }
        listens = {name: spec.listens_to for name, spec in running.items() if spec.listens_to is not None}
        for edge in plan_routes(classes, listens=listens).edges:
            told.setdefault(f"{edge.sender} {names[edge.message]}", set()).add(edge.receiver)
    return {key: sorted(told[key]) for key in sorted(told)}


def _configs(configs: Iterable[type[Config]]) -> Facts:
    """By variable, since that is what a user sets; defaults of secrets are masked."""
    told = {}
    for config in configs:
        for setting in declared_settings(config):
            facts = Inline(type=setting.type, config=config.__name__)
            if setting.default is not None:
                facts["default"] = setting.default
            if setting.secret:
                facts["secret"] = True
            told[setting.variable] = facts
    return {variable: told[variable] for variable in sorted(told)}


def _error_facts(error: type[DeclaredError]) -> Facts:
    kinds = [
        base for base in error.__mro__[1:] if issubclass(base, Exception) and base not in (Exception, DeclaredError)
    ]
    return {
        "class": error.__name__,
        "also": _Rows(one.__name__ for one in kinds),
        "retry": error.retryable,
        "parameters": Inline(error.parameters),
    }
