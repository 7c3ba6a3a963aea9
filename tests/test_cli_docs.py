"""The pages on topologies and on the command line say what is so, and help fits the commands."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mycelium import Node, Topology
from mycelium.cli import cli
from mycelium.cli.help_page import PAGE, help_markdown
from mycelium.topology import ActorSpec
from mycelium.topology.model import Header
from mycelium.topology.problems import keys_of
from mycelium.venues import Venue

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = cli.list_commands(click.Context(cli))


def block(page: str, language: str) -> str:
    """The first block of code in this language."""
    return (ROOT / "docs" / page).read_text().partition(f"```{language}\n")[2].partition("```")[0]


def test_the_page_has_the_options_of_today(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m mycelium.cli.help_page docs/cli.md` renews it."""
    page = tmp_path / "cli.md"
    page.write_text((ROOT / "docs" / "cli.md").read_text())
    PAGE.renew(page, help_markdown())
    assert page.read_text() == (ROOT / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_is_that_of_the_command_and_the_long_one_can_be_shown(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    short = cli.paths[name][1]
    assert command.get_short_help_str(limit=200) == short
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "--debug" in result.output


def test_a_wrong_command_is_told_with_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["descibe"])
    assert result.exit_code == 2
    assert "there is no command 'descibe'; did you mean 'describe'?" in result.output


def test_the_version_is_told() -> None:
    assert re.fullmatch(
        r"mycelium \d+\.\d+\.\d+ \(tlv: (native|python|legacy)[^)]*\)\n", CliRunner().invoke(cli, ["--version"]).output
    )


def test_the_topology_of_the_page_runs(tmp_path: Path) -> None:
    file = tmp_path / "tape.toml"
    file.write_text(block("topologies.md", "toml"))
    with Node(Topology.load(file)) as node:
        assert node.wait(30)
    report = node.report()
    report.check()
    assert "north:BTCUSDT" in report.summaries["monitor"]


def test_the_program_of_the_page_runs() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(block("topologies.md", "python"), {})
    assert said.getvalue().startswith("the ledger balances: ")


def test_every_key_is_in_the_table_of_the_page() -> None:
    table = (ROOT / "docs" / "topologies.md").read_text().partition("## Keys")[2].partition("## Who")[0]
    for model in (Header, ActorSpec, Venue):
        for key in keys_of(model):
            assert f"`{key}`" in table or f"NAME.{key}]`" in table, key
