"""The command ``mycelium``: one file a command, each imported when it is used."""

from __future__ import annotations

import signal

import click

from .lazy import LazyGroup
from .leaving import await_threads, ensure_streams, forget_unwritten

__all__ = ["cli", "main"]


def show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version, and which implementation of the message layer runs."""
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import version

    from tlv import implementation

    click.echo(f"mycelium {version('mycelium-actors')} (tlv: {implementation.explanation()})")
    context.exit()


@click.group(
    cls=LazyGroup,
    commands={
        "new": ("mycelium.cli.new:new_command", "Begin a service of your own."),
        "run": ("mycelium.cli.run:run_command", "Run a topology until its sources are finished."),
        "top": ("mycelium.cli.top:top_command", "Look at a running node."),
        "bench": ("mycelium.cli.bench:bench_command", "Measure this machine, side by side with plain pykka."),
        "describe": ("mycelium.cli.describe:describe_command", "Show the layout of messages, or a topology."),
        "graph": ("mycelium.cli.graph:graph_command", "Draw a topology."),
        "decode": ("mycelium.cli.decode:decode_command", "Print the messages of a recording."),
        "errors": ("mycelium.cli.errors:errors_command", "Print the catalogue of declared errors."),
        "config": ("mycelium.cli.config:config_command", "Show every setting, its value and its source."),
        "contract": (
            "mycelium.cli.contract:contract_command",
            "Write down what others rely on, and say what a change breaks.",
        ),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=show_version, help="Show it.")
def cli() -> None:
    """Message-driven services: run a topology of actors, look at its messages, measure it.

    `mycelium COMMAND --help` tells more about each command.
    """


def main() -> None:
    """Run the command line; a declared error is one line on stderr and exit code 2."""
    from .restart import PROGRAM

    ensure_streams()
    try:
        cli(prog_name="mycelium", obj=PROGRAM)
    except SystemExit as end:
        # Too late to stop anything: what is left takes two seconds at most.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        await_threads(end.code if isinstance(end.code, int) else 0 if end.code is None else 1)
        forget_unwritten()
        raise
