"""``mycelium new``: the files of a new service."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["new_command"]


@click.command("new", short_help="Begin a service of your own.")
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="The folder; by default one of that name, here."
)
def new_command(name: str, into: Path | None) -> None:
    """Begin a service: messages, configs, three actors, a topology, tests and a Makefile.

    It runs as it is, and is yours to change. NAME is that of its Python package, such as price_watch.
    """
    from mycelium.scaffold import new_project

    written = new_project(name, into)
    folder = into if into is not None else Path(name)
    for path in written:
        click.echo(f"wrote {path}")
    there = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"\nnow: {there}make test\nthen: make run")
