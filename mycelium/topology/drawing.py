"""The picture of a topology as an SVG, which browsers and Git forges show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from .graph import Arrow, Graph, GraphNode
from .layered import Spot, place

__all__ = ["graph_svg"]

#: Messages told on an arrow; the rest are counted, and shown when the pointer rests there.
SHOWN_MAX = 4

_NAME, _SMALL = 13, 11
#: Of a letter, as part of the size of the font: all text is in a font of one width.
_LETTER = 0.602
_LINE = 14.0
_MARGIN = 24.0
_TITLE = 34.0
_LOOP = 22.0
#: Above the actors of a node: its name; and between the box of a node and what is in it.
_HEAD_ROOM = 46.0
_PADDING = 12.0
#: What an arrow is called that goes over a link.
_LINKS = {"ipc": "shared memory", "net": "the network"}
#: The mark of a box that stands for a supervisor.
_SUPERVISOR = "supervisor"

_STYLE = """
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.name { font-size: 13px; font-weight: 600; text-anchor: middle }
.kind { font-size: 11px; fill: #52606d; text-anchor: middle }
.label { font-size: 11px; fill: #334e68; text-anchor: middle }
.actor { fill: #f5f7fa; stroke: #52606d; stroke-width: 1.2 }
.source { fill: #e3f8ff; stroke: #0b7285; stroke-width: 1.2 }
.pinned { fill: #fff3d6; stroke: #a15c07; stroke-width: 2.4 }
.elsewhere { fill: #eee8fd; stroke: #6741d9; stroke-width: 1.2 }
.supervisor { fill: #e6f6e6; stroke: #2b7a3d; stroke-width: 1.2 }
.paper { fill: #ffffff }
.halo { fill: #ffffff; fill-opacity: 0.88 }
.arrow { fill: none; stroke: #829ab1; stroke-width: 1.3 }
.dashed { stroke-dasharray: 5 4 }
.head { fill: #829ab1 }
""".strip()

#: The same for what has nodes.
_NODE_STYLE = """
.node { fill: #fafbfc; stroke: #9fb3c8; stroke-width: 1; stroke-dasharray: 6 4 }
.node-name { font-size: 12px; font-weight: 600; fill: #52606d }
.ipc { stroke: #0b7285; stroke-width: 2 }
.net { stroke: #c2255c; stroke-width: 2; stroke-dasharray: 7 4 }
.legend { font-size: 11px; fill: #52606d }
""".rstrip()

#: The head of an arrow, as the arrows refer to it.
_HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
    ' markerUnits="userSpaceOnUse"><path class="head" d="M0 0.5 L8 4 L0 7.5 Z"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class Part:
    """A graph that was drawn: what it is made of, and its size."""

    lines: tuple[str, ...]
    width: float
    height: float


def graph_svg(graph: Graph) -> str:
    """The graph as an SVG document: sources round and blue, pinned actors yellow, others' dispatchers violet.

    Nodes are boxes around their actors, one below the other. What goes over shared memory is green, over the network red. Below it, where there are supervisors: green, with dashed arrows to those whom they restart.
    """
    parts = [_part({node.name: node for node in graph.nodes}, graph.arrows)]
    if graph.supervisors:
        parts.append(_part(*_restarts_of(graph), dashed=True))
    width = max(_text_width(graph.title, 15), *(part.width for part in parts)) + 2 * _MARGIN
    height = sum(part.height for part in parts) + _MARGIN + (_TITLE + _MARGIN) * len(parts)
    size = f'width="{width:.0f}" height="{height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" {size} role="img">',
        f"<title>{escape(graph.title)}</title>",
        f"<style>{escape(_STYLE + (_NODE_STYLE if any(node.node for node in graph.nodes) else ''))}</style>",
        _HEAD,
        f'<rect class="paper" {size} rx="8"/>',
    ]
    top = _MARGIN
    for title, part in zip((graph.title, "who restarts whom"), parts, strict=False):
        lines += [
            f'<text class="title" x="{_MARGIN:.0f}" y="{top + 8:.0f}">{escape(title)}</text>',
            f'<g transform="translate({_MARGIN:.0f} {top + _TITLE:.0f})">',
            *part.lines,
            "</g>",
        ]
        top += _TITLE + part.height + _MARGIN
    return "\n".join([*lines, "</svg>"]) + "\n"


def _part(nodes: Mapping[str, GraphNode], arrows: Iterable[Arrow], *, dashed: bool = False) -> Part:
    """Draw actors and arrows, each actor by its key."""
    arrows = tuple(arrows)
    loops = {arrow.sender: _label_size(arrow)[1] + _LOOP for arrow in arrows if arrow.sender == arrow.receiver}
    sizes = {
        key: (width, height + 2 * loops.get(key, 0.0))
        for key, node in nodes.items()
        for width, height in [_node_size(node)]
    }
    bands = list(dict.fromkeys(node.node for node in nodes.values() if node.node))
    spots, paths, (width, height) = place(
        sizes,
        {(arrow.sender, arrow.receiver): _label_size(arrow) for arrow in arrows},
        {key: bands.index(node.node) for key, node in nodes.items() if node.node},
        _HEAD_ROOM if bands else 0.0,
    )
    height += _PADDING if bands else 0.0
    links = [link for link in _LINKS if any(arrow.link == link for arrow in arrows)]
    way = "arrow dashed" if dashed else "arrow"
    lines = (
        *(line for place in bands for line in _frame(place, [spots[key] for key in nodes if nodes[key].node == place])),
        *(
            _curve(f"{way} {arrow.link}".rstrip(), arrow, spots, paths[arrow.sender, arrow.receiver], loops)
            for arrow in arrows
        ),
        *(line for arrow in arrows for line in _label(arrow, spots, paths[arrow.sender, arrow.receiver])),
        *(line for key, node in nodes.items() for line in _box(node, spots[key])),
        *(line for number, link in enumerate(links) for line in _legend(link, height + _LINE + number * _LINE)),
    )
    return Part(lines, width, height + _LINE * (len(links) + 1 if links else 0))


def _legend(link: str, y: float) -> Iterator[str]:
    yield f'<path class="arrow {link}" d="M0 {y:.1f} L36 {y:.1f}"/>'
    yield f'<text class="legend" x="44" y="{y + 4:.1f}">over {_LINKS[link]} ({link})</text>'


def _frame(name: str, spots: Sequence[Spot]) -> Iterator[str]:
    """The box of a node around its actors, and its name."""
    left = min(spot.x - spot.width / 2 for spot in spots) - _PADDING
    right = max(max(spot.x + spot.width / 2 for spot in spots) + _PADDING, left + _text_width(name, 12) + 2 * _PADDING)
    top = min(spot.y - spot.height / 2 for spot in spots) - _PADDING - _LINE
    bottom = max(spot.y + spot.height / 2 for spot in spots) + _PADDING
    yield (
        f'<rect class="node" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="8"/>'
    )
    yield f'<text class="node-name" x="{left + _PADDING:.1f}" y="{top + 15:.1f}">{escape(name)}</text>'


def _restarts_of(graph: Graph) -> tuple[dict[str, GraphNode], list[Arrow]]:
    """The supervisors and their actors, as a graph of its own; a supervisor may bear the name of an actor."""
    actors = {node.name: node for node in graph.nodes}
    keys = {one.name: f"supervisor {one.name}" for one in graph.supervisors}
    nodes = {keys[one.name]: GraphNode(one.name, one.strategy, _SUPERVISOR) for one in graph.supervisors}
    nodes |= {name: actors[name] for one in graph.supervisors for name in one.actors}
    above = [Arrow(keys[one.parent], keys[one.name], ()) for one in graph.supervisors if one.parent]
    return nodes, above + [Arrow(keys[one.name], name, ()) for one in graph.supervisors for name in one.actors]


def _text_width(text: str, size: int) -> float:
    return len(text) * size * _LETTER


def _node_lines(node: GraphNode) -> list[str]:
    return [node.kind, *([node.mark] if node.mark else [])]


def _node_size(node: GraphNode) -> tuple[float, float]:
    below = _node_lines(node)
    width = max(_text_width(node.name, _NAME), *(_text_width(line, _SMALL) for line in below))
    return width + (40 if node.is_source else 24), 24 + _LINE * len(below)


def _label_lines(arrow: Arrow) -> list[str]:
    if len(arrow.messages) <= SHOWN_MAX:
        return list(arrow.messages)
    return [*arrow.messages[: SHOWN_MAX - 1], f"and {len(arrow.messages) - SHOWN_MAX + 1} more"]


def _label_size(arrow: Arrow) -> tuple[float, float]:
    lines = _label_lines(arrow)
    if not lines:
        return 0.0, 4.0
    return max(_text_width(line, _SMALL) for line in lines) + 8, _LINE * len(lines) + 2


def _curve(kind: str, arrow: Arrow, spots: Mapping[str, Spot], passed: list[Spot], loops: Mapping[str, float]) -> str:
    sender, receiver = spots[arrow.sender], spots[arrow.receiver]
    if not passed:  # to itself: a loop below the box, in the room that the spot has for it
        left, right, bottom = sender.x - 16, sender.x + 16, sender.y + sender.height / 2 - loops[arrow.sender]
        low = bottom + _LOOP
        path = f"M{right:.1f} {bottom:.1f} C{right:.1f} {low:.1f} {left:.1f} {low:.1f} {left:.1f} {bottom:.1f}"
        return f'<path class="{kind}" d="{path}" marker-end="url(#head)"/>'
    way = 1 if passed[0].x >= sender.x else -1
    points = [(sender.x + way * sender.width / 2, sender.y)]
    for spot in passed:  # straight through what is wide, so that a label stands on its arrow
        points.extend([(spot.x - way * spot.through / 2, spot.y), (spot.x + way * spot.through / 2, spot.y)])
    points.append((receiver.x - way * receiver.width / 2, receiver.y))
    steps = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if (x, y) != (to_x, to_y):
            middle = (x + to_x) / 2
            steps.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
    return f'<path class="{kind}" d="{" ".join(steps)}" marker-end="url(#head)"/>'


def _label(arrow: Arrow, spots: Mapping[str, Spot], passed: list[Spot]) -> Iterator[str]:
    lines = _label_lines(arrow)
    if not lines:
        return
    width, height = _label_size(arrow)
    sender = spots[arrow.sender]
    spot = next((spot for spot in passed if spot.width), None)
    x, y = (spot.x, spot.y) if spot else (sender.x, sender.y + sender.height / 2 - height / 2)
    over = f" over {_LINKS[arrow.link]}" if arrow.link else ""
    yield f"<g><title>{escape(f'{arrow.sender} to {arrow.receiver}{over}: ' + ', '.join(arrow.messages))}</title>"
    yield (
        f'<rect class="halo" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
        f' width="{width:.1f}" height="{height:.1f}" rx="3"/>'
    )
    for number, line in enumerate(lines):
        at = y + (number - (len(lines) - 1) / 2) * _LINE + 4
        yield f'<text class="label" x="{x:.1f}" y="{at:.1f}">{escape(line)}</text>'
    yield "</g>"


def _box(node: GraphNode, spot: Spot) -> Iterator[str]:
    if node.is_source:
        kind = "source"
    else:
        kind = {"": "actor", "pinned": "pinned", _SUPERVISOR: "supervisor"}.get(node.mark, "elsewhere")
    width, height = _node_size(node)
    corner = height / 2 if node.is_source else 5
    left, top = spot.x - width / 2, spot.y - height / 2
    yield (
        f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' rx="{corner:.1f}"/>'
    )
    yield f'<text class="name" x="{spot.x:.1f}" y="{top + 18:.1f}">{escape(node.name)}</text>'
    for number, line in enumerate(_node_lines(node), 1):
        yield f'<text class="kind" x="{spot.x:.1f}" y="{top + 18 + number * _LINE:.1f}">{escape(line)}</text>'
