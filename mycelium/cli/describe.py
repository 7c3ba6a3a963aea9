"""``mycelium describe``: layouts of messages, and the wiring of a topology."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from tlv import TLV, describe, describe_dict, describe_markdown

from .targets import messages_at, use_working_directory

__all__ = ["describe_command"]


@click.command("describe", short_help="Show the layout of messages, or a topology.")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print a Markdown page, as in the documentation.")
@click.option("--profile", metavar="NAME", help="Of a topology: the profile to show.")
def describe_command(target: str, as_json: bool, markdown: bool, profile: str | None) -> None:
    """Show the layout of messages: offset, size, type, unit and description of each field.

    TARGET is a message (`tlv.market_data:TradeTLV`), a module for all its messages
    (`tlv.market_data`), or a topology file (`demo.toml`), whose wiring is shown.
    """
    if target.endswith(".toml"):
        _describe_topology(target, profile, as_json)
        return
    messages = messages_at(target)
    if as_json:
        rendered: Any = [describe_dict(message) for message in messages]
        click.echo(json.dumps(rendered[0] if len(rendered) == 1 else rendered, indent=2))
    elif markdown:
        click.echo(_page(target, messages), nl=False)
    else:
        click.echo("\n\n".join(describe(message) for message in messages))


def _page(target: str, messages: Iterable[type[TLV]]) -> str:
    """The page of a module takes its head from the module's docstring."""
    name, _, path = target.partition(":")
    title, _, text = ("" if path else inspect.cleandoc(sys.modules[name].__doc__ or "")).partition("\n")
    return describe_markdown(messages, title=title.rstrip(".") or target, text=text)


def _describe_topology(path: str, profile: str | None, as_json: bool) -> None:
    from mycelium.topology import Topology, resolve
    from mycelium.topology.wiring import wiring_dict, wiring_text

    use_working_directory()
    resolved = resolve(Topology.load(path), profile=profile)
    click.echo(json.dumps(wiring_dict(resolved), indent=2) if as_json else wiring_text(resolved))
