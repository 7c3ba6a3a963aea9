"""``mycelium graph``: the picture of a topology."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .format import rate_text
from .seconds import Seconds
from .targets import use_working_directory

if TYPE_CHECKING:
    from mycelium.topology.graph import Graph

__all__ = ["graph_command"]


@click.command("graph", short_help="Draw a topology.")
@click.argument("topology", type=click.Path(path_type=Path))
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write an SVG picture.")
@click.option("--profile", metavar="NAME", help="The profile to draw.")
@click.option("--live", is_flag=True, help="Write on each arrow the rates of what runs this topology here.")
@click.option(
    "--over",
    "over_s",
    type=Seconds(0.01),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="With --live: for how long messages are counted.",
)
@click.option("--pid", metavar="PID", help="With --live: of which process, where several run this topology.")
def graph_command(
    topology: Path, svg: Path | None, profile: str | None, live: bool, over_s: float, pid: str | None
) -> None:
    """Draw a topology: its actors, and on each arrow the messages that go there.

    Prints a Mermaid flow chart, which Git forges and editors draw where it stands in Markdown, or
    writes a picture. With --live, the actors are those of the profile that runs. Sources are round, pinned actors have a double or thick border, and what has a dispatcher
    of its own says which. Supervisors have dashed arrows to those whom they restart. Nodes are boxes around their
    actors; what goes from one to another has a thick arrow, which says whether it is shared memory (ipc) or the
    network (net).
    """
    from mycelium.topology import Topology, resolve
    from mycelium.topology.drawing import graph_svg
    from mycelium.topology.graph import graph_mermaid, graph_of

    use_working_directory()
    graph = _live(topology, over_s, pid) if live else graph_of(resolve(Topology.load(topology), profile=profile))
    if svg is None:
        click.echo(graph_mermaid(graph))
        return
    svg.write_text(graph_svg(graph), encoding="utf-8")
    click.echo(f"wrote {svg}")


def _live(file: Path, over_s: float, pid: str | None) -> Graph:
    """The graph of what runs, with its rates."""
    from mycelium.observing.together import attach_to, rates_between
    from mycelium.topology import Topology, resolve
    from mycelium.topology.graph import graph_of, graph_with

    topology = Topology.load(file)
    with attach_to(pid or topology.name) as attached:
        first = attached.look()
        graph = graph_of(resolve(topology, profile=first.profile or None))
        time.sleep(over_s)
        second = attached.look()
    notes = {edge: f"{rate_text(rate)}/s" for edge, rate in rates_between(first, second).items()}
    return graph_with(graph, notes, f"{graph.title}, after {second.seconds:.1f} s")
