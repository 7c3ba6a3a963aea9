"""`mycelium config`: every setting, what it is now and who says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mycelium.config import Settings, describe_settings, env_template
from mycelium.errors import InvalidConfigError

from .config_target import ConfigUse, find_configs
from .table import print_table

__all__ = ["config_command"]

_COLUMNS = ("variable", "type", "default", "current", "source", "description")


@click.command("config", short_help="Show every setting, its value and its source.")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--template", is_flag=True, help="Print a .env file with every variable, commented out.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the template into this file, which must not exist yet.",
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read this file in place of .env in the working directory.",
)
def config_command(target: str, *, as_json: bool, template: bool, output: Path | None, env_file: Path | None) -> None:
    """Show every setting of TARGET: its variable, type, default, current value, source, description.

    TARGET is a config or actor class (actors.services.tape:Tape), a module or package with config
    classes (configs), or a topology file (configs/market_data.toml). Secrets are masked.

    The exit code is 2 when a value is wrong; what is wrong is said after the table.
    """
    if output is not None and not template:
        raise click.UsageError("--output is for --template")
    if template and as_json:
        raise click.UsageError("--template is a .env file, not JSON")
    uses = find_configs(target)
    if template:
        _write(env_template(dict.fromkeys(use.config for use in uses)), output)
        return
    settings = [_describe(use, env_file) for use in uses]
    if as_json:
        click.echo(json.dumps([_as_dict(*pair) for pair in zip(uses, settings, strict=True)], indent=2))
    else:
        for use, described in zip(uses, settings, strict=True):
            print_table(_title(use), _COLUMNS, (_cells(described, index) for index in range(len(described.rows))))
    _refuse_problems(settings)


def _describe(use: ConfigUse, env_file: Path | None) -> Settings:
    if env_file is None:
        return describe_settings(use.config, section=use.section, source=use.source)
    return describe_settings(use.config, section=use.section, source=use.source, env_file=env_file)


def _title(use: ConfigUse) -> str:
    return f"{use.title} ({use.config.__module__})"


def _cells(described: Settings, index: int) -> tuple[str, ...]:
    row = described.rows[index]
    default = "required" if row.default is None else row.default
    source = row.source.partition(" [actors.")[0]  # the title names the actor
    return row.variable, row.type, default, row.current or "", source, row.description


def _as_dict(use: ConfigUse, described: Settings) -> dict[str, Any]:
    return {
        "name": use.title,
        "config": f"{use.config.__module__}:{use.config.__qualname__}",
        "settings": [row.to_dict() for row in described.rows],
        "problems": list(described.problems),
    }


def _refuse_problems(settings: Sequence[Settings]) -> None:
    wrong = [described for described in settings if described.problems]
    if wrong:
        raise InvalidConfigError(
            config=", ".join(dict.fromkeys(described.config.__name__ for described in wrong)),
            problems=dict.fromkeys(problem for described in wrong for problem in described.problems),
        )


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise click.BadParameter(f"{output} exists and is kept as it is", param_hint="--output") from error
    except OSError as error:
        raise click.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from error
    click.echo(f"wrote {output}")
