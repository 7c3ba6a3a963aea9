"""Layered drawing of a directed graph, from left to right: where nodes and the labels of arrows stand.

The steps are Sugiyama's. Arrows that close a circle are turned round, for the layout only. A node stands one
layer right of the last one that sends to it. Between two layers of nodes is one of labels; an arrow
has a spot in every layer that it crosses, so that arrows keep clear of nodes as nodes do of each
other. Within a layer, spots are ordered by the mean place of their neighbours, to and fro, and the
order with the fewest crossings is kept. Then each spot moves towards its neighbours as far as those
above and below it leave room.

Nodes may stand in bands, one below the other. Layers go through all bands; an arrow to another band passes in that
of its sender until it is behind its label, and then in that of its receiver.

It is some hundred lines because the libraries that do it are programs to be installed (Graphviz),
or bring NumPy with them; topologies have tens of actors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Spot", "place"]

_SWEEPS = 24
#: Free space between two spots of a layer, and between two layers.
GAP_Y = 18.0
GAP_X = 26.0
#: The same where arrows turn between bands.
GAP_X_BANDED = 56.0


@dataclass(eq=False, slots=True)
class Spot:
    """Something that takes room in a layer: a node, a label, or an arrow that passes by."""

    layer: int
    width: float
    height: float
    band: int = 0
    #: How far an arrow goes straight here: between bands all through the layer, so that it turns between layers only.
    through: float = 0.0
    before: list[Spot] = field(default_factory=list)
    after: list[Spot] = field(default_factory=list)
    #: The middle.
    x: float = 0.0
    y: float = 0.0


def place(
    nodes: Mapping[str, tuple[float, float]],
    arrows: Mapping[tuple[str, str], tuple[float, float]],
    bands: Mapping[str, int] | None = None,
    band_gap: float = 0.0,
) -> tuple[dict[str, Spot], dict[tuple[str, str], list[Spot]], tuple[float, float]]:
    """Where everything stands: nodes, the spots of each arrow from its sender to its receiver, and the whole size.

    ``nodes`` are names with width and height; ``arrows`` pairs of names with the size of their label.
    An arrow from a node to itself has no spots. ``bands`` are the bands in which nodes stand, with so much room above each.
    """
    bands = bands or {}
    turned = _turned_round(nodes, arrows)
    ranks = _ranks(nodes, [(b, a) if (a, b) in turned else (a, b) for a, b in arrows if a != b])
    spots = {name: Spot(2 * ranks[name], *size, bands.get(name, 0)) for name, size in nodes.items()}
    paths: dict[tuple[str, str], list[Spot]] = {}
    for (sender, receiver), size in arrows.items():
        if sender == receiver:
            paths[sender, receiver] = []
            continue
        left, right = (receiver, sender) if (sender, receiver) in turned else (sender, receiver)
        first, last = spots[left].layer + 1, spots[right].layer
        passed = [
            Spot(layer, *(size if layer == first else (0.0, 4.0)), spots[left if layer == first else right].band)
            for layer in range(first, last)
        ]
        for one, other in pairwise([spots[left], *passed, spots[right]]):
            one.after.append(other)
            other.before.append(one)
        paths[sender, receiver] = passed if left == sender else passed[::-1]
    layers: list[list[Spot]] = [[] for _ in range(1 + max((spot.layer for spot in spots.values()), default=0))]
    for spot in (*spots.values(), *(spot for path in paths.values() for spot in path)):
        layers[spot.layer].append(spot)
    layers = _ordered(layers)
    _stack(layers, band_gap)
    return spots, paths, _spread(layers, banded=len(set(bands.values())) > 1)


def _turned_round(nodes: Iterable[str], arrows: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows to turn so that no circle is left: those that lead back to where a walk came from."""
    ahead: dict[str, list[str]] = {name: [] for name in nodes}
    for sender, receiver in arrows:
        ahead[sender].append(receiver)
    turned: set[tuple[str, str]] = set()
    done: set[str] = set()
    for start in sorted(ahead, key=lambda name: any(name in following for following in ahead.values())):
        on_the_way: dict[str, None] = {}
        walk = [(start, iter(ahead[start]))] if start not in done else []
        on_the_way[start] = None
        while walk:
            name, following = walk[-1]
            receiver = next(following, "")
            if not receiver:
                walk.pop()
                on_the_way.pop(name, None)
                done.add(name)
            elif receiver in on_the_way:
                if receiver != name:
                    turned.add((name, receiver))
            elif receiver not in done:
                on_the_way[receiver] = None
                walk.append((receiver, iter(ahead[receiver])))
    return turned


def _ranks(nodes: Iterable[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node, then those that nobody sends to moved next to whom they send to."""
    ranks = dict.fromkeys(nodes, 0)
    for _ in range(len(ranks)):
        for sender, receiver in arrows:
            ranks[receiver] = max(ranks[receiver], ranks[sender] + 1)
    fed = {receiver for _, receiver in arrows}
    for name in ranks:
        following = [ranks[receiver] for sender, receiver in arrows if sender == name]
        if name not in fed and following:
            ranks[name] = min(following) - 1
    return ranks


def _ordered(layers: list[list[Spot]]) -> list[list[Spot]]:
    for layer in layers:
        layer.sort(key=lambda spot: spot.band)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for number in range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1):
            beside = {id(spot): place for place, spot in enumerate(layers[number - 1 if forth else number + 1])}
            own = {id(spot): float(place) for place, spot in enumerate(layers[number])}
            for spot in layers[number]:
                if places := [beside[id(one)] for one in (spot.before if forth else spot.after)]:
                    own[id(spot)] = sum(places) / len(places) + own[id(spot)] * 1e-6
            layers[number].sort(key=lambda spot, own=own: (spot.band, own[id(spot)]))  # type: ignore[misc]
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _crossings(layers: Sequence[Sequence[Spot]]) -> int:
    count = 0
    for left, right in pairwise(layers):
        places = {id(spot): place for place, spot in enumerate(right)}
        ends = [sorted(places[id(one)] for one in spot.after) for spot in left]
        flat = [end for group in ends for end in group]
        count += sum(a > b for at, a in enumerate(flat) for b in flat[at + 1 :])
    return count


def _stack(layers: Sequence[Sequence[Spot]], band_gap: float) -> None:
    """Give every spot its height on the page: band after band, each as high as its highest layer."""
    top = 0.0
    for band in sorted({spot.band for layer in layers for spot in layer}):
        parts = [[spot for spot in layer if spot.band == band] for layer in layers]
        _stack_band(parts)
        for spot in (spot for part in parts for spot in part):
            spot.y += top + band_gap
        top = max(spot.y + spot.height / 2 for part in parts for spot in part)


def _stack_band(layers: Sequence[Sequence[Spot]]) -> None:
    for layer in layers:
        top = 0.0
        for spot in layer:
            spot.y = top + spot.height / 2
            top += spot.height + GAP_Y
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for layer in layers if forth else reversed(layers):
            wanted = []
            for spot in layer:
                near = [
                    one
                    for one in (spot.before if forth else spot.after) or spot.after or spot.before
                    if one.band == spot.band
                ]
                wanted.append(sum(one.y for one in near) / len(near) if near else spot.y)
            _settle(layer, wanted)
    highest = min((spot.y - spot.height / 2 for layer in layers for spot in layer), default=0.0)
    for layer in layers:
        for spot in layer:
            spot.y -= highest


def _settle(layer: Sequence[Spot], wanted: Sequence[float]) -> None:
    """Move the spots as near as can be to where they want to be, in their order and without overlap.

    Neighbours that would overlap are joined to a block that stands at the mean of what its members want.
    """
    blocks: list[tuple[list[int], float]] = []
    offsets = [0.0]
    for one, other in pairwise(layer):
        offsets.append(offsets[-1] + (one.height + other.height) / 2 + GAP_Y)
    for index in range(len(layer)):
        members, at = [index], wanted[index] - offsets[index]
        while blocks and blocks[-1][1] > at:
            members = blocks.pop()[0] + members
            at = sum(wanted[one] - offsets[one] for one in members) / len(members)
        blocks.append((members, at))
    for members, at in blocks:
        for index in members:
            layer[index].y = at + offsets[index]


def _spread(layers: Sequence[Sequence[Spot]], *, banded: bool) -> tuple[float, float]:
    """Give every layer its place from left to right; the size of the whole."""
    gap = GAP_X_BANDED if banded else GAP_X
    right = 0.0
    for layer in layers:
        width = max((spot.width for spot in layer), default=0.0)
        for spot in layer:
            spot.x = right + width / 2
            spot.through = width if banded else spot.width
        right += width + gap
    return max(right - gap, 0.0), max((spot.y + spot.height / 2 for layer in layers for spot in layer), default=0.0)
