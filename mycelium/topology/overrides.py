"""Settings that the command line gives to actors: ``--set actor.key=value``, ``--input``, ``--speed``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mycelium.errors.topology import OverrideError
from mycelium.nearest import did_you_mean

__all__ = ["Override", "merge_overrides", "read_override"]


@dataclass(frozen=True, slots=True)
class Override:
    """One ``--set``: the text as given, the actor, the path of the key and the value."""

    given: str
    actor: str
    path: tuple[str, ...]
    value: Any


def read_override(given: str, actors: Iterable[str]) -> Override:
    """Understand ``actor.key=value``; deeper keys have more dots, lists and tables are JSON.

    Raises `OverrideError` where the text has another form or ``actors`` has no such actor.
    """
    known = list(actors)
    left, equals, text = given.partition("=")
    actor, dot, path = left.strip().partition(".")
    if not equals or not dot or not all(path.split(".")):
        raise OverrideError(given=given, problem="this is not actor.key=value", hint=f"actors: {', '.join(known)}")
    if actor not in known:
        hint = did_you_mean(actor, known, "actors")
        raise OverrideError(given=given, problem=f"no actor {actor!r} runs", hint=hint)
    return Override(given, actor, tuple(path.split(".")), _value(given, text))


def merge_overrides(overrides: Iterable[Override]) -> Mapping[str, Any]:
    """The settings of one actor as nested dictionaries; a later override wins."""
    merged: dict[str, Any] = {}
    for override in overrides:
        inside = merged
        for key in override.path[:-1]:
            deeper = inside.get(key)
            if not isinstance(deeper, dict):
                deeper = inside[key] = {}
            inside = deeper
        inside[override.path[-1]] = override.value
    return merged


def _value(given: str, text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        hint = "write lists and tables as JSON"
        raise OverrideError(given=given, problem=f"the value is no JSON: {error}", hint=hint) from error
