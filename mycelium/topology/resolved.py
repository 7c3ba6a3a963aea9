"""A topology that was checked: classes imported, configs read, routes planned; what a node starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mycelium.actor.actor import Actor
from mycelium.dispatcher.slow import SLOW_HANDLER_MS
from mycelium.mailbox.bounds import Bounded
from mycelium.routing.router import RoutePlan
from mycelium.venues import VenueTable
from tlv import DeclaredError

from .model import DispatcherSpec
from .node_spec import NodeSpec
from .supervisors import SupervisorSpec

__all__ = ["ResolvedActor", "ResolvedTopology"]


@dataclass(frozen=True, slots=True)
class ResolvedActor:
    """One actor that will run: its name, class and config, and the dispatcher, bound, supervisor and node that the file gives it, if any."""

    name: str
    actor_class: type[Actor]
    config: object | None
    dispatcher: str = ""
    bound: Bounded | None = None
    supervisor: str = ""
    node: str = ""
    #: The name in the file, where there are several copies of it; and which of how many this one is.
    group: str = ""
    instance: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class ResolvedTopology:
    """Everything a node needs. ``warnings`` are declared errors that do not keep it from running;
    ``tlv`` is the implementation of the message layer that the file asks for, ``metrics`` where it serves them.
    """

    name: str
    file: str
    profile: str | None
    actors: Mapping[str, ResolvedActor]
    plan: RoutePlan
    venues: VenueTable
    warnings: tuple[DeclaredError, ...] = ()
    dispatchers: Mapping[str, DispatcherSpec] = field(default_factory=dict)
    supervisors: Mapping[str, SupervisorSpec] = field(default_factory=dict)
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict)
    tlv: str | None = None
    slow_handler_ms: int = SLOW_HANDLER_MS
    metrics: str | None = None

    @property
    def stop_order(self) -> tuple[str, ...]:
        """Upstream first: whoever sends stops before those it sends to."""
        return self.plan.upstream_first

    @property
    def start_order(self) -> tuple[str, ...]:
        """Downstream first: whoever receives runs before those that send to it."""
        return tuple(reversed(self.plan.upstream_first))

    @property
    def running_nodes(self) -> tuple[str, ...]:
        """The nodes on which actors of this profile run, in the order of the file."""
        used = {actor.node for actor in self.actors.values()}
        return tuple(name for name in self.nodes if name in used)
