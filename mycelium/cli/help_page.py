"""Writes the options of every command into a page: ``python -m mycelium.cli.help_page docs/cli.md``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from . import cli
from .page import Page

__all__ = ["PAGE", "help_markdown"]

PAGE = Page("commands: written by `python -m mycelium.cli.help_page`", "end of the commands")


def help_markdown() -> str:
    """A section for each command: usage, what it does, and a table of its options."""
    ctx = click.Context(cli, info_name="mycelium")
    return "\n\n".join("\n".join(lines) for lines in _sections(ctx, cli))


def _sections(ctx: click.Context, group: click.Group) -> Iterator[Iterator[str]]:
    """Of the commands of a group, each with those that it has itself behind it."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield _section(ctx, name, command)
        if isinstance(command, click.Group):
            yield from _sections(click.Context(command, info_name=name, parent=ctx), command)


def _section(parent: click.Context, name: str, command: click.Command) -> Iterator[str]:
    ctx = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield from (f"## {ctx.command_path}", "", "```", usage, "```", "", inspect.cleandoc(command.help or ""), "")
    yield from ("| option | meaning |", "|---|---|")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"| {_names(parameter)} | {_escaped(parameter.help or '')}{_default(parameter)} |"


def _names(option: click.Option) -> str:
    value = ""
    if not option.is_flag:
        choices = getattr(option.type, "choices", None)
        value = f" {option.metavar or ('|'.join(map(str, choices)) if choices else option.type.name.upper())}"
    return ", ".join(f"`{_escaped(name + value)}`" for name in option.opts)


def _default(option: click.Option) -> str:
    return f" Default: `{option.default}`." if option.show_default else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.renew(Path(sys.argv[1]), help_markdown())
