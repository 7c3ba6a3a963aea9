"""``mycelium bench``: measures this machine, ours beside the bare primitive and the peer, in turns."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mycelium.nearest import did_you_mean

from .counters import COUNTERS_PAGE, count_instructions, list_groups
from .lazy import LazyGroup
from .page import Page

if TYPE_CHECKING:
    from mycelium.bench import Contest

__all__ = ["bench_command"]

_PAGE = Page("bench: written by `mycelium bench --into`", "end of the bench")
_COSTS = Page("costs: written by `mycelium bench --into`", "end of the costs")
_TELL = "tell"


def _known(ctx: click.Context, parameter: click.Parameter, names: Sequence[str]) -> Sequence[str]:
    """Refuse a name that no contest has, and tell the nearest."""
    from mycelium.bench import CONTESTS
    from mycelium.bench.counters import GROUPS

    known: Mapping[str, object] = GROUPS if ctx.params.get("counters") else CONTESTS
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no bench {name!r}; {did_you_mean(name, known, 'benches')}", ctx, parameter)
    return names


def _drawable(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Find out now whether the file can be drawn, not after half a minute."""
    if path is None:
        return None
    ending = ".html" if parameter.name == "memory" else ".svg"
    if path.suffix.lower() != ending:
        kind = "page is HTML" if ending == ".html" else "plot is an SVG"
        raise click.BadParameter(f"{path}: the {kind}; let the name end in {ending}", ctx, parameter)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise click.BadParameter(f"{path}: there is no directory {folder}", ctx, parameter)
    if not path.exists() and not os.access(folder, os.W_OK):
        raise click.BadParameter(f"{path}: {folder} cannot be written to", ctx, parameter)
    return path


def _renewable(ctx: click.Context, parameter: click.Parameter, paths: Sequence[Path]) -> Sequence[Path]:
    """Find out now whether each page has the two comments."""
    for path in paths:
        (COUNTERS_PAGE if ctx.params.get("counters") else _COSTS if _COSTS.is_in(path) else _PAGE).check(path)
    return paths


def _check_costs(contests: Sequence[Contest], pages: Sequence[Path]) -> None:
    """Find out now whether the run will give every row of the table of costs, where a page has it."""
    from mycelium.bench import left_out_costs

    lacking = left_out_costs(contests) if any(map(_COSTS.is_in, pages)) else []
    if lacking:
        raise click.BadParameter(
            f"the table of costs takes all contests and all peers; this run is without {', '.join(lacking)} "
            "(all contests: leave out --only; all peers: pip install 'mycelium-actors[peers,columns]')",
            param_hint="--into",
        )


@click.group(
    "bench",
    cls=LazyGroup,
    commands={"ab": ("mycelium.cli.bench_ab:ab_command", "Compare two implementations of the message layer.")},
    invoke_without_command=True,
    subcommand_metavar="[ab ...]",
    short_help="Measure this machine, side by side with plain pykka.",
)
@click.option(
    "--only", "names", multiple=True, metavar="NAME", callback=_known, help="Hold only this contest (repeatable)."
)
@click.option(
    "--rounds", type=click.IntRange(1, 10_000), metavar="N", help="Rounds of each contest, instead of its own."
)
@click.option(
    "--messages", type=click.IntRange(1), metavar="N", help="Messages in a round of `tell` (default 200,000)."
)
@click.option("--list", "listed", is_flag=True, help="List the contests, and measure nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the tables of a documentation page.")
@click.option(
    "--into",
    "pages",
    type=click.Path(exists=True, dir_okay=False, writable=True, path_type=Path),
    multiple=True,
    metavar="PAGE",
    callback=_renewable,
    help="Renew the tables in this page, between the two comments that mark them (repeatable).",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    callback=_drawable,
    help="Also draw the figures as bars into this SVG file.",
)
@click.option(
    "--flamegraph",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    callback=_drawable,
    help="Instead of measuring, draw where the processor time of a service goes, as an SVG (extra `profile`).",
)
@click.option(
    "--memory",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    callback=_drawable,
    help="Instead of measuring, draw where the memory of a service goes, as an HTML page (extra `profile`).",
)
@click.option(
    "--counters", is_flag=True, is_eager=True, help="Count instructions and cache misses instead of taking times."
)
@click.option(
    "--with",
    "counter",
    type=click.Choice(("valgrind", "perf")),
    help="With --counters: what counts them, a simulated processor (default) or the counters of this one.",
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PAGE",
    help="With --counters: fail where a count is more than 10 % above the one recorded in this page.",
)
@click.pass_context
def bench_command(
    ctx: click.Context,
    *,
    names: Sequence[str],
    rounds: int | None,
    messages: int | None,
    listed: bool,
    as_json: bool,
    markdown: bool,
    pages: Sequence[Path],
    plot: Path | None,
    flamegraph: Path | None,
    memory: Path | None,
    counters: bool,
    counter: str | None,
    check: Path | None,
) -> None:
    """Measure messages, frames, actors and whole processes on this machine, in a minute or two.

    Each contest puts ours beside the bare primitive of Python, beside plain pykka and, where they are
    installed, beside the libraries that one would use instead (the extra `peers`). They take turns,
    many times, so that a ratio compares what ran in the same moment; it is worth more than the
    times themselves, which are those of this machine and of what else it does.

    At the end: whether the targets of the project are reached. `benches/` in the repository holds the long form.

    With --counters: how many instructions a message takes and how often it misses the cache, which do
    not depend on what else the machine does; of both implementations, or of the one in MYCELIUM_TLV.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx, ctx.invoked_subcommand)
        return
    if flamegraph is not None or memory is not None:
        others = {"only": names or None, "into": pages or None, "counters": counters or None, "list": listed or None}
        _refuse(
            "does not go with --flamegraph and --memory",
            rounds=rounds,
            messages=messages,
            plot=plot,
            check=check,
            **others,
        )
        _draw_profiles(flamegraph, memory)
        return
    if counters:
        _refuse("is about times, not --counters", rounds=rounds, messages=messages, plot=plot)
        if pages or check:
            _refuse("counts on this machine only: nothing to record or check", **{"with": counter == "perf" or None})
        if pages:
            _refuse("compares, --into records: one at a time", check=check)
        if listed:
            list_groups(names, as_json=as_json)
            return
        count_instructions(
            names, counter=counter or "valgrind", check=check, pages=pages, markdown=markdown, as_json=as_json
        )
        return
    _refuse("goes with --counters", check=check, **{"with": counter})
    from mycelium.bench import CONTESTS, costs_of, markdown_page, report_lines, run_contests, svg_plot

    contests = [_sized(CONTESTS[name], messages) for name in dict.fromkeys(names or CONTESTS)]
    if listed:
        _print_list(contests, as_json=as_json)
        return
    _check_costs(contests, pages)
    with _told(contests, rounds) as told:
        report = run_contests(contests, rounds=rounds, told=told)
    if plot is not None:
        plot.write_text(svg_plot(report), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    elif pages:
        for page in pages:
            if _PAGE.is_in(page):
                _PAGE.renew(page, markdown_page(report))
            if _COSTS.is_in(page):
                _COSTS.renew(page, costs_of(report))
    elif markdown:
        click.echo(markdown_page(report), nl=False)
    else:
        for line in report_lines(report):
            click.echo(line)
    if plot is not None:
        click.echo(f"drawn: {plot}", err=True)


def _draw_profiles(flamegraph: Path | None, memory: Path | None) -> None:
    """Run the measured service once for each picture."""
    from mycelium.bench.profiling import draw_flame_graph, draw_memory

    if flamegraph is not None:
        click.echo("looking where the time goes, for some seconds", err=True)
        draw_flame_graph(flamegraph)
        click.echo(f"wrote {flamegraph}")
    if memory is not None:
        click.echo("counting what is allocated, for some seconds", err=True)
        click.echo(draw_memory(memory).rstrip())
        click.echo(f"wrote {memory}")


def _refuse(reason: str, **options: object) -> None:
    """Refuse options that were given, beside others that they do not go with."""
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(f"--{name} {reason}")


def _refuse_options(ctx: click.Context, command: str) -> None:
    """Options before a subcommand would do nothing."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if name in ctx.params and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            ctx.fail(
                f"{parameter.opts[0]} is not an option of `mycelium bench {command}`; its own stand behind `{command}`"
            )


def _sized(contest: Contest, messages: int | None) -> Contest:
    if contest.name != _TELL or messages is None:
        return contest
    return dataclasses.replace(contest, count=messages)


def _print_list(contests: Sequence[Contest], *, as_json: bool) -> None:
    if as_json:
        rows = [{"name": one.name, "question": one.question, "rounds": one.rounds} for one in contests]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(one.name) for one in contests)
    for one in contests:
        click.echo(f"{one.name:<{width}}  {one.question}")


@contextmanager
def _told(contests: Sequence[Contest], rounds: int | None) -> Iterator[Callable[[Contest], None]]:
    """What hears of every round that begins: a bar on a terminal, a line for each contest elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    text, bar, clock = TextColumn("measuring {task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(text, bar, clock, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=sum(rounds or one.rounds for one in contests))
        yield lambda contest: progress.update(task, description=contest.name, advance=1)


class _Lines:
    """For logs and pipes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, contest: Contest) -> None:
        if contest.name != self._last:
            self._last = contest.name
            click.echo(f"measuring {contest.name}", err=True)
