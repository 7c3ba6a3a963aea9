"""Copies of an actor: ``instances = 4`` makes four actors of one section, ``NAME-1`` to ``NAME-4``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mycelium.nearest import did_you_mean, listed
from mycelium.routing.route_plan import RoutePlan, Spread

if TYPE_CHECKING:
    from tlv import Field

    from .model import ActorSpec

__all__ = ["Copy", "copies_of", "listening", "problems_of_copies", "problems_of_keys", "spreads_of"]


@dataclass(frozen=True, slots=True)
class Copy:
    """One actor that runs: the section that it is of, which of how many it is, and its node, if any."""

    group: str
    number: int
    count: int
    node: str


def copies_of(running: Mapping[str, ActorSpec]) -> dict[str, Copy]:
    """All actors by their names; the only copy of a section has the name of that."""
    return {
        name if spec.instances == 1 else f"{name}-{number}": Copy(
            name, number, spec.instances, spec.places[(number - 1) % len(spec.places)] if spec.places else ""
        )
        for name, spec in running.items()
        for number in range(1, spec.instances + 1)
    }


def listening(copies: Mapping[str, Copy], listens: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Whom each copy hears: all copies of those whom its section names, without names all but those of its own section."""
    heard: dict[str, tuple[str, ...]] = {}
    for name, copy in copies.items():
        if copy.group in listens:
            named = set(listens[copy.group])
            heard[name] = tuple(one for one, other in copies.items() if other.group in named)
        elif copy.count > 1:
            heard[name] = tuple(one for one, other in copies.items() if other.group != copy.group)
    return heard


def spreads_of(running: Mapping[str, ActorSpec], copies: Mapping[str, Copy]) -> tuple[Spread, ...]:
    """How the messages are divided for each section with several copies."""
    return tuple(
        Spread(
            name,
            tuple(one for one, copy in copies.items() if copy.group == name),
            "shards" if spec.shard_by else spec.spread or "broadcast",
            spec.shard_by,
        )
        for name, spec in running.items()
        if spec.instances > 1
    )


def problems_of_copies(
    actors: Mapping[str, ActorSpec], running: Mapping[str, ActorSpec]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What sections say of copies that cannot be: the place of each problem in the file, and its text."""
    taken = {name: name for name in actors}
    for name, spec in running.items():
        if spec.shard_by and spec.spread:
            yield ("actors", name, "spread"), f"shard_by says already who gets a message, got {spec.spread!r} besides"
        spare = spec.places[spec.instances :]
        if spare:
            yield (
                ("actors", name, "node"),
                f"{len(spec.places)} nodes for instances = {spec.instances}: nothing would run on {listed(spare)}",
            )
        for number in range(1, spec.instances + 1 if spec.instances > 1 else 1):
            made = f"{name}-{number}"
            if taken.setdefault(made, name) != name:
                yield (
                    ("actors", name, "instances"),
                    f"its copy {made!r} would have the name of another actor; rename one",
                )
                break


def problems_of_keys(running: Mapping[str, ActorSpec], plan: RoutePlan) -> Iterator[tuple[tuple[str, ...], str]]:
    """Sections whose messages cannot be divided as they say, or do not say how."""
    for spread in plan.spreads:
        if any(edge.receiver in spread.members for edge in plan.edges):
            spec = running[spread.group]
            if not spec.shard_by and spec.spread is None:
                yield (
                    ("actors", spread.group, "instances"),
                    (
                        f"nothing says which of the {spec.instances} copies gets a message; write shard_by = and a field of"
                        ' its messages, spread = "round-robin" or spread = "broadcast"'
                    ),
                )
    for name, spec in running.items():
        if spec.shard_by:
            members = {name, *(one for spread in plan.spreads if spread.group == name for one in spread.members)}
            messages = dict.fromkeys(edge.message for edge in plan.edges if edge.receiver in members)
            for message in messages:
                fields = {field.name: field for field in message.layout.values}
                found = fields.get(spec.shard_by)
                if found is None:
                    hint = did_you_mean(spec.shard_by, fields, f"fields of {message.__name__}")
                    yield ("actors", name, "shard_by"), f"{message.__name__} has no field {spec.shard_by!r}; {hint}"
                elif not _is_key(found):
                    yield (
                        ("actors", name, "shard_by"),
                        (
                            f"{message.__name__}.{found.name} is of {found.kind}; a key is a whole number, a bool, an enum,"
                            " text or bytes"
                        ),
                    )


def _is_key(field: Field) -> bool:
    from mycelium.routing.shards import is_key  # where nobody is divided, nobody needs it

    return is_key(field)
