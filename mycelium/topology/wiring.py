"""The wiring of a topology as text and as plain data: who starts when, who sends what to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mycelium.routing.route_plan import Spread

from .resolved import ResolvedTopology

__all__ = ["wiring_dict", "wiring_text"]


def wiring_dict(topology: ResolvedTopology) -> dict[str, Any]:
    """Name, profile, actors in the order in which they start, edges, venues and warnings."""
    return {
        "name": topology.name,
        "profile": topology.profile,
        "actors": [
            {
                "name": name,
                "class": f"{kind.__module__}:{kind.__qualname__}",
                "supervisor": topology.actors[name].supervisor,
                "node": topology.actors[name].node,
                "copy_of": topology.actors[name].group,
                "sends": {
                    message.__name__: [
                        edge.receiver for edge in topology.plan.edges if edge.sender == name and edge.message is message
                    ]
                    for message in dict.fromkeys(edge.message for edge in topology.plan.edges if edge.sender == name)
                },
            }
            for name in topology.start_order
            for kind in (topology.actors[name].actor_class,)
        ],
        "copies": [
            {"name": spread.group, "actors": list(spread.members), "way": spread.way, "field": spread.field}
            for spread in topology.plan.spreads
        ],
        "venues": [
            venue.model_dump(exclude={"address"}) | {"address": venue.address_text} for venue in topology.venues
        ],
        "warnings": [warning.to_dict() for warning in topology.warnings],
    }


def wiring_text(topology: ResolvedTopology) -> str:
    """The same for a reader."""
    told = wiring_dict(topology)
    chosen = f" (profile {topology.profile})" if topology.profile else ""
    lines = [f"{topology.name}{chosen}: {len(told['actors'])} actors, in the order in which they start"]
    for actor in told["actors"]:
        lines.extend(
            ["", f"{actor['name']}  {actor['class']}{_placed(actor['node'])}{_supervised(actor['supervisor'])}"]
        )
        lines.extend(
            f"  {message} -> {', '.join(_told(receivers, topology.plan.spreads))}"
            for message, receivers in actor["sends"].items()
        )
    if told["venues"]:
        lines.extend(["", "venues"])
        lines.extend(f"  {venue.id:>4}  {venue.name}" for venue in topology.venues)
    lines.extend(["", *(f"warning: {warning}" for warning in topology.warnings)] if topology.warnings else [])
    return "\n".join(lines)


def _placed(on: str) -> str:
    return f", on node {on}" if on else ""


def _supervised(by: str) -> str:
    return f", supervised by {by}" if by else ""


def _told(receivers: Iterable[str], spreads: Iterable[Spread]) -> Iterator[str]:
    """The receivers, all copies of an actor in the place of the first one."""
    copies = {name: spread for spread in spreads for name in spread.members}
    for name in receivers:
        spread = copies.get(name)
        if spread is None:
            yield name
        elif name == spread.members[0]:
            yield f"{spread.members[0]} to {spread.members[-1]} {spread.text}"
