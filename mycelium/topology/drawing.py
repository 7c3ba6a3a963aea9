"""The picture of a topology as an SVG, which browsers and Git forges show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
.paper { fill: #ffffff }
.halo { fill: #ffffff; fill-opacity: 0.88 }
.arrow { fill: none; stroke: #829ab1; stroke-width: 1.3 }
.head { fill: #829ab1 }
""".strip()

#: The head of an arrow, as the arrows refer to it.
_HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
    ' markerUnits="userSpaceOnUse"><path class="head" d="M0 0.5 L8 4 L0 7.5 Z"/></marker></defs>'
)


def graph_svg(graph: Graph) -> str:
    """The graph as an SVG document: sources round and blue, pinned actors yellow, others' dispatchers violet."""
    loops = {arrow.sender: _label_size(arrow)[1] + _LOOP for arrow in graph.arrows if arrow.sender == arrow.receiver}
    nodes = {
        node.name: (width, height + 2 * loops.get(node.name, 0.0))
        for node in graph.nodes
        for width, height in [_node_size(node)]
    }
    arrows = {(arrow.sender, arrow.receiver): _label_size(arrow) for arrow in graph.arrows}
    spots, paths, (width, height) = place(nodes, arrows)
    full = (
        max(width, _text_width(graph.title, 15)) + 2 * _MARGIN,
        height + 2 * _MARGIN + _TITLE,
    )
    size = f'width="{full[0]:.0f}" height="{full[1]:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full[0]:.0f} {full[1]:.0f}" {size} role="img">',
        f"<title>{escape(graph.title)}</title>",
        f"<style>{escape(_STYLE)}</style>",
        _HEAD,
        f'<rect class="paper" {size} rx="8"/>',
        f'<text class="title" x="{_MARGIN:.0f}" y="{_MARGIN + 8:.0f}">{escape(graph.title)}</text>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN + _TITLE:.0f})">',
        *(_curve(arrow, spots, paths[arrow.sender, arrow.receiver], loops) for arrow in graph.arrows),
        *(line for arrow in graph.arrows for line in _label(arrow, spots, paths[arrow.sender, arrow.receiver])),
        *(line for node in graph.nodes for line in _box(node, spots[node.name])),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _text_width(text: str, size: int) -> float:
    return len(text) * size * _LETTER


def _node_lines(node: GraphNode) -> list[str]:
    return [node.kind, node.mark] if node.mark else [node.kind]


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
    return max(_text_width(line, _SMALL) for line in lines) + 8, _LINE * len(lines) + 2


def _curve(arrow: Arrow, spots: Mapping[str, Spot], passed: list[Spot], loops: Mapping[str, float]) -> str:
    sender, receiver = spots[arrow.sender], spots[arrow.receiver]
    if not passed:  # to itself: a loop below the box, in the room that the spot has for it
        left, right, bottom = sender.x - 16, sender.x + 16, sender.y + sender.height / 2 - loops[arrow.sender]
        low = bottom + _LOOP
        path = f"M{right:.1f} {bottom:.1f} C{right:.1f} {low:.1f} {left:.1f} {low:.1f} {left:.1f} {bottom:.1f}"
        return f'<path class="arrow" d="{path}" marker-end="url(#head)"/>'
    way = 1 if passed[0].x >= sender.x else -1
    points = [(sender.x + way * sender.width / 2, sender.y)]
    for spot in passed:  # straight through what is wide, so that a label stands on its arrow
        points.extend([(spot.x - way * spot.width / 2, spot.y), (spot.x + way * spot.width / 2, spot.y)])
    points.append((receiver.x - way * receiver.width / 2, receiver.y))
    steps = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if (x, y) != (to_x, to_y):
            middle = (x + to_x) / 2
            steps.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
    return f'<path class="arrow" d="{" ".join(steps)}" marker-end="url(#head)"/>'


def _label(arrow: Arrow, spots: Mapping[str, Spot], passed: list[Spot]) -> Iterator[str]:
    lines = _label_lines(arrow)
    width, height = _label_size(arrow)
    sender = spots[arrow.sender]
    spot = next((spot for spot in passed if spot.width), None)
    x, y = (spot.x, spot.y) if spot else (sender.x, sender.y + sender.height / 2 - height / 2)
    yield f"<g><title>{escape(f'{arrow.sender} to {arrow.receiver}: ' + ', '.join(arrow.messages))}</title>"
    yield (
        f'<rect class="halo" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
        f' width="{width:.1f}" height="{height:.1f}" rx="3"/>'
    )
    for number, line in enumerate(lines):
        at = y + (number - (len(lines) - 1) / 2) * _LINE + 4
        yield f'<text class="label" x="{x:.1f}" y="{at:.1f}">{escape(line)}</text>'
    yield "</g>"


def _box(node: GraphNode, spot: Spot) -> Iterator[str]:
    kind = "source" if node.is_source else "pinned" if node.mark == "pinned" else "elsewhere" if node.mark else "actor"
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
