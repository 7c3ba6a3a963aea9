"""``mycelium contract lock``: writes what others rely on into a file."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["lock_command"]


@click.command("lock", short_help="Write down what others rely on.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    default="contract.lock",
    show_default=True,
    metavar="FILE",
    help="The file; `-` prints it.",
)
def lock_command(targets: tuple[str, ...], into: Path) -> None:
    """Write what TARGET promises into contract.lock, one fact a line, for a commit.

    TARGET is a module (`tlv.market_data`) or package with all its modules (`actors`), something in a module
    (`tlv.market_data:TradeTLV`), or a topology file; it can be given several times.
    """
    from mycelium.lockfile import lock_of

    lock = lock_of(targets)
    if str(into) == "-":
        click.echo(lock.to_toml(), nl=False)
        return
    try:
        into.write_text(lock.to_toml(), encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{into}: {error.strerror}", param_hint="--into") from error
    counts = [f"{len(lock[name])} {name}" for name in ("messages", "actors", "configs", "errors") if lock[name]]
    click.echo(f"wrote {into}: {', '.join(counts)}")
