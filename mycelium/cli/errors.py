"""`mycelium errors`: the catalogue of declared errors, as a table, as JSON, or as the tables of a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

import mycelium.errors
import tlv.errors
from mycelium.imports.importing import import_named
from mycelium.nearest import did_you_mean
from tlv import DeclaredError, catalogue

from .error_texts import (
    as_dict,
    families,
    family_of,
    heading,
    markdown_tables,
    parameters_text,
    stock_kinds,
    summary_of,
)
from .table import print_table
from .targets import use_working_directory

__all__ = ["errors_command"]

_BUILT_IN = (tlv.errors.__name__, mycelium.errors.__name__)
_COLUMNS = ("code", "class", "text", "parameters", "retry", "next step")
_BEGIN, _END = "<!-- catalogue: written by `mycelium errors --into` -->\n", "<!-- end of the catalogue -->"


@click.command("errors", short_help="Print the catalogue of declared errors.")
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the tables of a documentation page.")
@click.option(
    "--into",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Renew the tables in this page, between the two comments that mark them.",
)
@click.option(
    "--import", "modules", multiple=True, metavar="MODULE", help="Also show the errors of this module (repeatable)."
)
def errors_command(
    code: str | None, *, as_json: bool, markdown: bool, into: Path | None, modules: Sequence[str]
) -> None:
    """Print the declared errors: all of them, or the one with CODE (TLV-002, CFG-001, ...).

    Each has a permanent code, the text with its parameters, whether trying again can help, and what
    to do next. Errors of your own are shown with --import actors.errors.
    """
    errors = _errors_of((*_BUILT_IN, *modules))
    if code is not None:
        known = {error.code: error for error in errors}
        if code.upper() not in known:
            raise click.BadParameter(f"no error {code}; {did_you_mean(code, known, 'codes')}", param_hint="CODE")
        errors = [known[code.upper()]]
    if into is not None:
        _renew(into, markdown_tables(errors))
    elif markdown:
        click.echo(markdown_tables(errors), nl=False)
    elif as_json:
        rows = [as_dict(error) for error in errors]
        click.echo(json.dumps(rows if code is None else rows[0], indent=2))
    elif code is not None:
        _print_one(errors[0])
    else:
        for family, members in families(errors):
            print_table(heading(family, members), _COLUMNS, map(_cells, members))


def _errors_of(modules: Iterable[str]) -> list[type[DeclaredError]]:
    """The errors declared in these modules and below them, in the order of the codes."""
    use_working_directory()
    for name in modules:
        try:
            import_named(name)
        except ModuleNotFoundError as error:
            raise click.BadParameter(str(error), param_hint="--import") from error
    return [error for error in catalogue() if any(f"{error.__module__}.".startswith(f"{name}.") for name in modules)]


def _cells(error: type[DeclaredError]) -> tuple[str, ...]:
    retry = "yes" if error.retryable else "no"
    return error.code, error.__name__, error.text, parameters_text(error), retry, error.next_step


def _print_one(error: type[DeclaredError]) -> None:
    also = stock_kinds(error)
    lines = (
        ("text", error.text),
        ("parameters", parameters_text(error) or "none"),
        ("family", family_of(error).__name__),
        ("also", ", ".join(also) or "nothing else"),
        ("retry", "can help" if error.retryable else "does not help"),
        ("next step", error.next_step or "the text says it"),
    )
    click.echo(f"{error.code} {error.__name__}: {summary_of(error)}")
    for name, value in lines:
        click.echo(f"  {name:<11}{value}")


def _renew(page: Path, tables: str) -> None:
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise click.BadParameter(f"{page} lacks the lines {_BEGIN.strip()} and {_END}", param_hint="--into")
    page.write_text(f"{head}{_BEGIN}\n{tables}\n{_END}{tail}", encoding="utf-8")
    click.echo(f"renewed {page}")
