"""``mycelium graph``: the picture of a topology."""

from __future__ import annotations

from pathlib import Path

import click

from .targets import use_working_directory

__all__ = ["graph_command"]


@click.command("graph", short_help="Draw a topology.")
@click.argument("topology", type=click.Path(path_type=Path))
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write an SVG picture.")
@click.option("--profile", metavar="NAME", help="The profile to draw.")
def graph_command(topology: Path, svg: Path | None, profile: str | None) -> None:
    """Draw a topology: its actors, and on each arrow the messages that go there.

    Prints a Mermaid flow chart, which Git forges and editors draw where it stands in Markdown, or
    writes a picture. Sources are round, pinned actors have a double or thick border, and what has a dispatcher
    of its own says which.
    """
    from mycelium.topology import Topology, resolve
    from mycelium.topology.drawing import graph_svg
    from mycelium.topology.graph import graph_mermaid, graph_of

    use_working_directory()
    graph = graph_of(resolve(Topology.load(topology), profile=profile))
    if svg is None:
        click.echo(graph_mermaid(graph))
        return
    svg.write_text(graph_svg(graph), encoding="utf-8")
    click.echo(f"wrote {svg}")
