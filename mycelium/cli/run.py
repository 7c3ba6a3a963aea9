"""``mycelium run``: starts a topology, shows it at work, and reports what became of every message."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click

from mycelium.actor.source import Source
from mycelium.cluster.launched import leave_report
from mycelium.errors.node import InputMissingError
from mycelium.errors.observing import ControlSocketError, TemporaryFilesError
from mycelium.ledger.report import Report
from mycelium.logging import LOG_LEVELS, configure_logging
from mycelium.node import Node, stop_on_signals
from mycelium.observing.address import read_address
from mycelium.observing.control import ControlSocket
from mycelium.topology import Topology, resolve
from mycelium.topology.nodes import implementation_asked
from tlv import implementation

from .final import failure_lines, final_lines, verdict_line
from .lazy import is_debugging
from .live import view_for
from .restart import run_on
from .run_nodes import joined_node, launch_all
from .saying import say
from .targets import use_working_directory

__all__ = ["run_command"]

#: What a launcher says for itself, or to each of its nodes in another way.
_NOT_PASSED_ON = {"node_name", "launched", "console_log", "metrics", "strict", "quiet", "as_json", "choice"}


def _check_speed(ctx: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """Check the form; the actors read it themselves."""
    if given is None or re.fullmatch(r"max|(\d+(\.\d*)?|\.\d+)x", given):
        return given
    raise click.BadParameter(f"{given!r} is neither 'max' nor a factor like '1x' or '2.5x'", ctx, parameter)


def _check_metrics(ctx: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """Check the address before anything is read or started."""
    del ctx, parameter
    if given:
        read_address(given)
    return given


@click.command("run", short_help="Run a topology until its sources are finished.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--input", "directory", metavar="DIR", help="Read the input files of DIR: chooses the profile for input.")
@click.option("--profile", metavar="NAME", help="Run the actors of this profile, and those that belong to none.")
@click.option(
    "--speed",
    metavar="SPEED",
    callback=_check_speed,
    help="How fast sources replay: 'max', or '1x' for real time, '10x', ...",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="ACTOR.KEY=VALUE", help="Change a setting of an actor (repeatable)."
)
@click.option(
    "--node",
    "node_name",
    metavar="NAME",
    help="Run this node only, of a topology that has several (default: all of them).",
)
@click.option(
    "--all-here",
    type=click.Choice(("namespaces", "loopback")),
    help="Run the nodes of all hosts on this one: in network namespaces with their addresses, or over loopback.",
)
@click.option(
    "--tlv",
    "choice",
    type=click.Choice(implementation.CHOICES),
    help="The implementation of the message layer; comes before MYCELIUM_TLV and the topology.",
)
@click.option(
    "--metrics",
    metavar="[HOST]:PORT",
    envvar="MYCELIUM_METRICS",
    callback=_check_metrics,
    help="Serve metrics to Prometheus there; comes before MYCELIUM_METRICS and the topology.",
)
@click.option(
    "--trace",
    type=click.IntRange(min=1),
    metavar="N",
    help="Log every Nth message of each source, hop by hop, with the times that it waited and took.",
)
@click.option(
    "--otel",
    is_flag=True,
    envvar="MYCELIUM_OTEL",
    help="Run handlers in spans of OpenTelemetry, below those in which their messages were sent; also MYCELIUM_OTEL=1.",
)
@click.option("--strict", is_flag=True, help="Refuse a topology in which a message has no receiver.")
@click.option("--quiet", is_flag=True, help="Show no progress, and of the report the verdict only.")
@click.option("--json", "as_json", is_flag=True, help="Show no progress, and print the report as JSON.")
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True, help="Log from here up.")
@click.option("--launched", type=click.Path(path_type=Path), hidden=True)
@click.option("--console-log", is_flag=True, hidden=True)
@click.pass_context
def run_command(
    ctx: click.Context,
    file: Path,
    directory: str | None,
    profile: str | None,
    speed: str | None,
    overrides: tuple[str, ...],
    node_name: str | None,
    all_here: str | None,
    choice: str | None,
    metrics: str | None,
    trace: int | None,
    otel: bool,
    strict: bool,
    quiet: bool,
    as_json: bool,
    log_level: str,
    launched: Path | None,
    console_log: bool,
) -> None:
    """Start the actors of the topology FILE and run until all sources are finished.

    A topology with [nodes.NAME] runs in several processes of this host, one for each node, and their logs and
    reports are told as one. A node that dies is started again.

    Ctrl-C or SIGTERM stops the sources, lets every message be handled, and stops; a second Ctrl-C
    stops at once. At the end a report says what became of every message.

    Exit code: 0 when the ledger balances, 1 when it does not or an actor failed, 2 when the
    topology or the input is wrong, 130 when it was stopped at once.
    """
    if choice is not None:
        run_on(choice, str(file), ctx.obj)
    use_working_directory()
    debug = is_debugging(ctx)
    log_form = False if console_log else None
    configure_logging(log_level, as_json=log_form, tracebacks=debug)
    if directory is not None:
        _check_directory(directory)
    topology = Topology.load(file)
    asked = implementation_asked(topology, node_name)
    if asked is not None and not os.environ.get(implementation.VARIABLE):
        run_on(asked, topology.name, ctx.obj)
    resolved = resolve(topology, profile=profile, input=directory, speed=speed, overrides=overrides, strict=strict)
    if all_here == "loopback":
        from mycelium.topology.hosts import on_loopback

        resolved = replace(resolved, nodes=on_loopback(resolved.nodes))
    configure_logging(log_level, node=node_name or resolved.name, as_json=log_form, tracebacks=debug)
    silent = quiet or launched is not None
    if not silent:
        for warning in resolved.warnings:
            say(f"warning: {warning}")
    if not any(issubclass(actor.actor_class, Source) for actor in resolved.actors.values()) and not silent:
        say("there is no source: this runs until its actors stop, or Ctrl-C")
    with ExitStack() as open_ends:
        if node_name is not None:
            node = open_ends.enter_context(joined_node(resolved, node_name, trace_every=trace or 0, launched=launched))
        elif resolved.nodes:
            report = launch_all(resolved, _passed_on(ctx), all_here=all_here, debug=debug, silent=quiet or as_json)
            _print(report, quiet=quiet, as_json=as_json)
            ctx.exit(report.exit_code)
        else:
            node = Node(resolved, trace_every=trace or 0)
        open_ends.enter_context(stop_on_signals(node))
        open_ends.enter_context(_observed(node, metrics or node.topology.metrics, otel=otel, silent=silent))
        report = _run(node, silent=silent or as_json, launched=launched is not None)
        if launched is not None and node_name is not None:
            leave_report(launched, node_name, report)
        else:
            _print(report, quiet=quiet, as_json=as_json)
    ctx.exit(report.exit_code)


def _passed_on(ctx: click.Context) -> list[str]:
    """The arguments of this command that each node gets, too."""
    given = [str(ctx.params["file"])]
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        if not isinstance(parameter, click.Option) or parameter.name in _NOT_PASSED_ON or not value:
            continue
        for one in value if parameter.multiple else [value]:
            given.extend([parameter.opts[0]] if parameter.is_flag else [parameter.opts[0], str(one)])
    return given


@contextmanager
def _observed(node: Node, metrics: str | None, *, otel: bool, silent: bool) -> Iterator[None]:
    """Let those look at the node who are to."""
    with ExitStack() as open_ends:
        try:
            open_ends.enter_context(ControlSocket(node))
        except (ControlSocketError, TemporaryFilesError) as refused:
            say(f"warning: {refused}")
        if metrics:
            from mycelium.observing.metrics import serve_metrics

            endpoint = open_ends.enter_context(serve_metrics(node, metrics))
            if not silent:
                say(f"metrics at {endpoint.url}")
        if otel:
            from mycelium.observing.otel import instrument, uninstrument

            instrument()
            open_ends.callback(uninstrument)
        yield


def _run(node: Node, *, silent: bool, launched: bool) -> Report:
    """Run to the end, or to the second Ctrl-C."""
    view = view_for(node.report, silent=silent)
    try:
        with view:
            node.start()
            while not node.wait(timeout=view.every_s):
                view.show()
            if node.stop_requested and not launched:
                view.tell("stopping when every message is handled; once more stops at once")
            node.stop(tick=view.show)
    except KeyboardInterrupt:
        node.abort()
    except Exception:
        # Nobody reads on (`| head -1`), or the disk is full: end in order what nobody can watch.
        node.request_stop()
        try:
            node.stop()
        except KeyboardInterrupt:
            node.abort()
        raise
    return node.report()


def _print(report: Report, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2, default=str))
    elif quiet:
        click.echo(verdict_line(report))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in final_lines(report, width):
            click.echo(line)
    if quiet and not as_json:
        for line in failure_lines(report):
            say(f"mycelium: {line}")


def _check_directory(directory: str) -> None:
    path = Path(directory)
    if not path.exists():
        raise InputMissingError(directory=directory, reason="there is no such directory")
    if not path.is_dir():
        raise InputMissingError(directory=directory, reason="this is a file, not a directory")
