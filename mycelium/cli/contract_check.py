"""``mycelium contract check``: what the code breaks of what was written down."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["check_command"]


@click.command("check", short_help="Say what a change breaks.")
@click.argument("targets", nargs=-1, metavar="[TARGET...]")
@click.option(
    "--lock",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="contract.lock",
    show_default=True,
    metavar="FILE",
    help="What was written down.",
)
@click.option(
    "--against", metavar="FILE|GITREF", help="Compare with this file, or with the lock as that commit has it."
)
@click.option("--both-ways", is_flag=True, help="Fail too where the new code refuses what was written before.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check_command(
    ctx: click.Context, targets: tuple[str, ...], file: Path, against: str | None, both_ways: bool, as_json: bool
) -> None:
    """Compare the code with its lock, and say what each change does to those who were built before it.

    A change is breaking, compatible, or compatible one way: readers built before go on, and the new code refuses
    what was written before.

    TARGET is what the lock was written of, unless another is given. The exit code is 1 when a change is
    breaking, 0 when none is, 2 when lock or target cannot be read. docs/evolution.md has the rules.
    """
    from mycelium.lockfile import compare, lock_of, read_lock, read_lock_of

    old = read_lock(file) if against is None else read_lock_of(against, file)
    found = compare(old, lock_of(targets or old.targets))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        for change in found.changes:
            click.echo(str(change))
        if found.digests:
            click.echo(f"nodes of before and after do not exchange {', '.join(found.digests)}: another digest")
        click.echo(found.summary)
    if found.breaks(both_ways=both_ways):
        ctx.exit(1)
