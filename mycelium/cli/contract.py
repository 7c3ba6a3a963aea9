"""``mycelium contract``: what others rely on as a file, what a change of it breaks, and its form for other languages."""

from __future__ import annotations

import click

from .lazy import LazyGroup

__all__ = ["contract_command"]


@click.group(
    "contract",
    cls=LazyGroup,
    commands={
        "lock": ("mycelium.cli.contract_lock:lock_command", "Write down what others rely on."),
        "check": ("mycelium.cli.contract_check:check_command", "Say what a change breaks."),
        "export": ("mycelium.cli.contract_export:export_command", "Write the messages for other languages."),
    },
    short_help="Write down what others rely on, and say what a change breaks.",
)
def contract_command() -> None:
    """Keep what others rely on: layouts of messages, who handles and emits them, settings, errors.

    `lock` writes it into a file to commit, `check` compares the code with that file, `export` writes
    the messages for other languages.
    """
