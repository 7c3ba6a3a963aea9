"""Lookup: the actor of a topology that has a name, for those who ask by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mycelium.errors.talking import ActorUnknownError
from mycelium.nearest import did_you_mean

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef
    from mycelium.topology import ResolvedTopology

__all__ = ["ref_here"]


def ref_here(actors: Mapping[str, Actor], topology: ResolvedTopology, asking: str, name: str) -> ActorRef[Any]:
    """The ref of one of ``actors``, for the actor ``asking``. Raises `ActorUnknownError`."""
    if name in actors:
        return actors[name].actor_ref
    if name in topology.actors:
        reason, hint = "not all actors have been made yet", "call ref_of() in on_start or later"
    else:
        reason, hint = f"{topology.name} has none", did_you_mean(name, topology.actors, "actors")
    raise ActorUnknownError(actor=asking, name=name, reason=reason, hint=hint)
