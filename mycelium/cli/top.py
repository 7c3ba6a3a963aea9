"""``mycelium top``: a running node, live in the terminal."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mycelium.errors.observing import NodeGoneError

from .seconds import Seconds

if TYPE_CHECKING:
    from mycelium.observing.attach import Attached

__all__ = ["top_command"]


@click.command("top", short_help="Look at a running node.")
@click.argument("node", required=False, metavar="[NODE]")
@click.option("--every", "every_s", type=Seconds(0.1), default=1.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Print what there is now, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print what there is now as JSON, and end.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a picture, and end."
)
def top_command(node: str | None, every_s: float, once: bool, as_json: bool, svg: Path | None) -> None:
    """Show what a running node is doing: its actors, how much waits for them and how long, and the ledger.

    NODE is the name of its topology, or its process id; it is not needed where one node runs. Ctrl-C
    ends the view, and leaves the node alone. Where the output is no terminal, it prints once.

    `p50` and `p99` are times in the mailbox and in the handler, over one message in 64. Rates are
    those since the last look; `max` is the most that has waited.
    """
    from mycelium.observing.attach import attach

    with attach(node) as attached:
        if as_json:
            click.echo(json.dumps(attached.look().to_dict(), indent=2))
        elif svg is not None:
            _draw(attached, every_s, svg)
        elif once or not sys.stdout.isatty():
            _print_once(attached)
        else:
            _show(attached, every_s)


def _print_once(attached: Attached) -> None:
    from .top_view import TopView, print_picture

    print_picture(TopView().picture(attached.look()))


def _draw(attached: Attached, every_s: float, file: Path) -> None:
    """As it is on a terminal after two looks."""
    from .top_view import TopView, picture_svg

    view = TopView()
    view.picture(attached.look())
    time.sleep(every_s)
    file.write_text(picture_svg(view.picture(attached.look()), f"mycelium top {attached.place.name}"), encoding="utf-8")
    click.echo(f"wrote {file}")


def _show(attached: Attached, every_s: float) -> None:
    from rich.console import Console
    from rich.live import Live

    from .top_view import TopView

    console = Console()
    view = TopView(room=lambda: console.height)
    try:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            while True:
                live.update(view.picture(attached.look()), refresh=True)
                time.sleep(every_s)
    except KeyboardInterrupt:
        return
    except NodeGoneError as gone:
        click.echo(f"{gone.node} has ended")
