"""``mycelium top``: a running node, live in the terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mycelium.errors.observing import NodeGoneError, NoNodeError

from .seconds import Seconds

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mycelium.observing.attach import Attached
    from mycelium.observing.together import Together

__all__ = ["top_command"]


@click.command("top", short_help="Look at a running node.")
@click.argument("node", required=False, metavar="[NAME]")
@click.option("--every", "every_s", type=Seconds(0.1), default=1.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Print what there is now, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print what there is now as JSON, and end.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a picture, and end."
)
def top_command(node: str | None, every_s: float, once: bool, as_json: bool, svg: Path | None) -> None:
    """Show what a running node is doing: its actors, how much waits for them and how long, and the ledger.

    NAME is that of its topology, or its process id; it is not needed where one topology runs. A topology on
    several nodes is shown with all that run on this host, and TOPOLOGY.NODE is one of them. Ctrl-C ends the view,
    and leaves the nodes alone. Where the output is no terminal, it prints once.

    `p50` and `p99` are times in the mailbox and in the handler, over one message in 64. Rates are
    those since the last look; `max` is the most that has waited.
    """
    from mycelium.observing.together import attach_to

    with attach_to(node) as attached:
        if as_json:
            click.echo(json.dumps(attached.look().to_dict(), indent=2))
        elif svg is not None:
            _draw(attached, every_s, svg)
        elif once or not sys.stdout.isatty():
            _print_once(attached)
        else:
            _show(attached, every_s)


def _pictures(attached: Attached | Together, room: Callable[[], int] | None = None) -> Callable[[], RenderableType]:
    """What makes the picture of each next look."""
    from mycelium.observing.attach import Attached

    if isinstance(attached, Attached):
        from .top_view import TopView

        one = TopView(room)
        return lambda: one.picture(attached.look())
    from .top_nodes import TopologyView

    whole = TopologyView(room)
    return lambda: whole.picture(attached.look())


def _name_of(attached: Attached | Together) -> str:
    from mycelium.observing.attach import Attached

    return attached.place.name if isinstance(attached, Attached) else attached.topology


def _print_once(attached: Attached | Together) -> None:
    from .top_view import print_picture

    print_picture(_pictures(attached)())


def _draw(attached: Attached | Together, every_s: float, file: Path) -> None:
    """As it is on a terminal after two looks."""
    from .top_view import picture_svg

    picture = _pictures(attached)
    picture()
    time.sleep(every_s)
    file.write_text(picture_svg(picture(), f"mycelium top {_name_of(attached)}"), encoding="utf-8")
    click.echo(f"wrote {file}")


def _show(attached: Attached | Together, every_s: float) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    picture = _pictures(attached, room=lambda: console.height)
    try:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            while True:
                live.update(picture(), refresh=True)
                time.sleep(every_s)
    except KeyboardInterrupt:
        return
    except NodeGoneError as gone:
        click.echo(f"{gone.node} has ended")
    except NoNodeError:
        click.echo(f"{_name_of(attached)} has ended")
