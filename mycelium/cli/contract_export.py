"""``mycelium contract export``: the messages for other languages."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["export_command"]


@click.command("export", short_help="Write the messages for other languages.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--to",
    "language",
    required=True,
    type=click.Choice(["c", "rust", "json-schema", "kaitai", "sbe-xml"]),
    help="What is written.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default="exported",
    show_default=True,
    metavar="FOLDER",
    help="Where to.",
)
def export_command(targets: tuple[str, ...], language: str, into: Path) -> None:
    """Write the messages of TARGET for readers in another language, with golden vectors.

    The vectors are bytes of messages and the values that a reader has to find in them.
    """
    from mycelium.export import exported_files

    files = exported_files(targets, language)
    for name, text in files.items():
        try:
            into.mkdir(parents=True, exist_ok=True)
            (into / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(f"{into / name}: {error.strerror}", param_hint="--into") from error
        click.echo(f"wrote {into / name}")
