"""Topologies: which actors run, with which configs, and who receives from whom.

`model` is what a file or a program writes, `loading` reads the file, `resolving` checks it against
the classes that it names and gives a `resolved` topology, which a node starts.
"""

from __future__ import annotations

from mycelium.imports import light_pydantic as _light_pydantic  # noqa: F401 - before those who import pydantic

from .model import ActorSpec, DispatcherSpec, MailboxSpec, Topology
from .resolved import ResolvedActor, ResolvedTopology
from .resolving import resolve
from .supervisors import SupervisorSpec

__all__ = [
    "ActorSpec",
    "DispatcherSpec",
    "MailboxSpec",
    "ResolvedActor",
    "ResolvedTopology",
    "SupervisorSpec",
    "Topology",
    "resolve",
]
