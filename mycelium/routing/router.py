"""Router: turns a plan into the tables by which running actors emit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mycelium.errors.actor import WiringError
from mycelium.routing.emitting import Route
from mycelium.routing.route_plan import Edge, RoutePlan, plan_routes
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox
    from mycelium.remote.outlet import Outlet
    from mycelium.routing.emitting import Target

__all__ = ["Edge", "Route", "RoutePlan", "connect", "plan_routes"]


def connect(actors: Mapping[str, Actor], plan: RoutePlan, outlets: Sequence[Outlet] = ()) -> None:
    """Give every actor of the plan its routes, and every source the mailboxes it must not flood.

    ``outlets`` take what goes to actors on other nodes.
    To be called once all actors are created, before any is launched: raises `WiringError` where one
    is missing or runs already.
    """
    for name in plan.actors:
        if name not in actors:
            raise WiringError(actor=name, reason="the plan names it, but it was not created")
        if actors[name].mailbox.started:
            raise WiringError(actor=name, reason="it was launched before it was connected")
    begin = _targets_by(plan)
    for name in plan.actors:
        receivers: dict[type[TLV], dict[str, Mailbox]] = {}
        for edge in plan.edges:
            if edge.sender == name:
                receivers.setdefault(edge.message, {})[edge.receiver] = actors[edge.receiver].mailbox
        for outlet in outlets:
            if outlet.stream.sender == name:
                for message in outlet.stream.messages:
                    receivers.setdefault(message, {})[outlet.stream.receiver] = outlet.mailbox
        targets_of = begin()
        routes = {
            message: Route(
                message,
                targets_of(message, {one: (mailbox.append_of(message), mailbox) for one, mailbox in mailboxes.items()}),
            )
            for message, mailboxes in receivers.items()
        }
        reached = plan.downstream(name)
        downstream = (
            *(actors[one].mailbox for one in reached),
            *(outlet.mailbox for outlet in outlets if outlet.stream.sender in {name, *reached}),
        )
        actors[name]._connect(routes, downstream)


_TargetsOf = Callable[["type[TLV]", "Mapping[str, Target]"], "tuple[Target, ...]"]


def _targets_by(plan: RoutePlan) -> Callable[[], _TargetsOf]:
    """What makes, for one sender after the other, the targets of a route out of its receivers."""
    if not plan.spreads:
        return lambda: lambda message, receivers: tuple(receivers.values())
    from mycelium.routing.spreading import Spreading

    return Spreading(plan.spreads).begin
