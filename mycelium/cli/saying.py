"""What a command says beside its output: on stderr, and without harm where nobody can read that."""

from __future__ import annotations

import contextlib

import click

__all__ = ["say"]


def say(text: str) -> None:
    """Write a line to stderr; a full disk or a closed pipe there is no failure of what is being done."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
