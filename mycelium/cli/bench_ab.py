"""``mycelium bench ab``: the same work under two implementations of the message layer, told apart from noise or not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from mycelium.nearest import did_you_mean
from tlv.implementation import CHOICES

from .restart import require

__all__ = ["ab_command"]

_USUAL = ("construction", "parsing", "dispatch", "tell")


def _known(ctx: click.Context, parameter: click.Parameter, names: Sequence[str]) -> Sequence[str]:
    from mycelium.bench.ab_turn import WORKLOADS

    for name in names:
        if name not in WORKLOADS:
            said = did_you_mean(name, WORKLOADS, "workloads")
            raise click.BadParameter(f"no workload {name!r}; {said}", ctx, parameter)
    return names


@click.command("ab", short_help="Compare two implementations of the message layer.")
@click.option("--a", type=click.Choice(CHOICES), required=True, help="The one that is looked at.")
@click.option("--b", type=click.Choice(CHOICES), required=True, help="The one that it is compared with.")
@click.option(
    "--workload",
    "names",
    multiple=True,
    metavar="NAME",
    callback=_known,
    help=f"A contest of `mycelium bench` over operations (repeatable). By default {', '.join(_USUAL)}.",
)
@click.option(
    "--topology",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run this topology instead, to its end.",
)
@click.option("--input", "directory", metavar="DIR", help="Of the topology: as `mycelium run` takes it.")
@click.option("--profile", metavar="NAME", help="Of the topology: as `mycelium run` takes it.")
@click.option(
    "--set", "overrides", multiple=True, metavar="ACTOR.KEY=VALUE", help="Of the topology: as `mycelium run` takes it."
)
@click.option(
    "--rounds",
    type=click.IntRange(6, 10_000),
    metavar="N",
    default=20,
    show_default=True,
    help="Rounds, each a process of either side; of fewer than 6 nothing can be told.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ab_command(
    *,
    a: str,
    b: str,
    names: Sequence[str],
    file: Path | None,
    directory: str | None,
    profile: str | None,
    overrides: Sequence[str],
    rounds: int,
    as_json: bool,
) -> None:
    """Run the same work under two implementations in turns, and tell whether they differ by more than noise.

    The order is A B, B A, A B, ..., every turn in a fresh process. Speed is the median of the ratios of the
    rounds, with an interval that holds the true median with a confidence of 95 %, whatever the noise is like.
    Beside it stands A compared with itself; `--a native --b native` does that throughout.
    """
    options = _options(directory, profile, overrides)
    if file is None and options:
        raise click.UsageError("--input, --profile and --set belong to a topology; give it with --topology FILE")
    for choice in (a, b):
        require(choice)
    from mycelium.bench.ab import operations, run_ab, topology
    from mycelium.bench.ab_tables import ab_lines

    chosen = tuple(dict.fromkeys(names)) or (() if file is not None else _USUAL)
    works = [operations(chosen)] if chosen else []
    works += [topology(file, options)] if file is not None else []
    with _told(rounds) as told:
        report = run_ab(a, b, works, rounds=rounds, told=told)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
        return
    for line in ab_lines(report):
        click.echo(line)


def _options(directory: str | None, profile: str | None, overrides: Sequence[str]) -> tuple[str, ...]:
    """What `mycelium run` is to be given too."""
    given = [("--input", directory), ("--profile", profile), *(("--set", one) for one in overrides)]
    return tuple(word for option, value in given if value is not None for word in (option, value))


@contextmanager
def _told(rounds: int) -> Iterator[Callable[[int], None]]:
    """What hears of every round: a bar on a terminal, a line for each elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield lambda number: click.echo(f"round {number + 1} of {rounds}", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("round"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=rounds)
        yield lambda number: progress.update(task, completed=number)
