"""Which implementation of the message layer a service runs on: the command, the environment, the topology file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from mycelium import Node, Topology
from mycelium.cli import cli, restart
from mycelium.errors.node import ImplementationFixedError
from mycelium.errors.topology import TopologyRefusedError
from mycelium.topology.node_spec import Implementation
from tlv import implementation

ROOT = Path(__file__).resolve().parent.parent
#: One that does not run here.
OTHER = "legacy" if implementation.running != "legacy" else "python"


def topology(folder: Path, tlv: str) -> Path:
    file = folder / "few.toml"
    file.write_text(
        f"""
        [topology]
        tlv = "{tlv}"
        [actors.feed]
        class = "mycelium.bench.service:Feed"
        [actors.feed.config]
        trades = 50
        [actors.tape]
        class = "mycelium.bench.service:Tape"
        [actors.sink]
        class = "mycelium.bench.service:Sink"
        """
    )
    return file


def mycelium(*arguments: object, tlv: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MYCELIUM_TLV": tlv}
    command = [sys.executable, "-m", "mycelium", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


@pytest.mark.parametrize(
    ("file", "environment", "option", "runs"),
    [
        ("legacy", "", "", "legacy"),
        ("legacy", "python", "", "python"),
        ("python", "python", "legacy", "legacy"),
    ],
    ids=["file", "environment before file", "option before environment"],
)
def test_who_says_it_first(file: str, environment: str, option: str, runs: str, tmp_path: Path) -> None:
    given = ("--tlv", option) if option else ()
    ended = mycelium("run", topology(tmp_path, file), "--json", *given, tlv=environment)
    assert ended.returncode == 0, ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    assert report["tlv"] == runs
    assert report["balanced"]


def test_the_report_for_people_names_it_too(tmp_path: Path) -> None:
    ended = mycelium("run", topology(tmp_path, "legacy"))
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^rate +[\d.,]+ (k )?messages/s \(tlv: legacy\)$", ended.stdout, re.MULTILINE)


def test_an_unknown_one_in_the_environment_is_one_line() -> None:
    ended = mycelium("--version", tlv="quick")
    assert ended.returncode == 2
    assert ended.stderr.startswith("mycelium: [TLV-013] MYCELIUM_TLV=quick cannot be had: it is unknown; set it to ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--help",), ("run", "-h")])
def test_an_unknown_one_in_the_environment_does_not_keep_help_back(arguments: tuple[str, ...]) -> None:
    ended = mycelium(*arguments, tlv="quick")
    assert ended.returncode == 0
    assert ended.stdout.startswith("Usage: mycelium")
    assert "[TLV-013] MYCELIUM_TLV=quick" in ended.stderr


def test_an_unknown_one_in_the_file_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(TopologyRefusedError, match=r"TOP-010.*\[topology\] tlv: .*'native'.*got 'quick'"):
        Topology.load(topology(tmp_path, "quick"))


def test_an_unknown_one_on_the_command_line_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["run", str(topology(tmp_path, "python")), "--tlv", "quick"])
    assert result.exit_code == 2
    assert "'quick' is not one of" in result.stderr


def test_native_where_it_was_not_built_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "available", lambda: ("python", "legacy"))
    result = CliRunner().invoke(cli, ["run", str(topology(tmp_path, "python")), "--tlv", "native"])
    assert result.exit_code == 2
    assert "[TLV-013] MYCELIUM_TLV=native cannot be had: it was not built" in result.stderr
    assert "or choose python or legacy" in result.stderr


def test_a_program_of_your_own_is_not_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYCELIUM_TLV", raising=False)
    node = Node(Topology.load(topology(tmp_path, OTHER)))
    with pytest.raises(ImplementationFixedError, match=rf"NOD-010.*set MYCELIUM_TLV={OTHER} before Python starts"):
        node.start()
    result = CliRunner().invoke(cli, ["run", str(topology(tmp_path, OTHER))])
    assert result.exit_code == 2
    assert "NOD-010" in result.stderr


def test_the_environment_overrules_the_file_in_a_program_of_your_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYCELIUM_TLV", implementation.running)
    with Node(Topology.load(topology(tmp_path, OTHER))) as node:
        assert node.wait(30)
    node.report().check()


def test_the_file_knows_every_implementation() -> None:
    assert set(get_args(Implementation)) == set(implementation.CHOICES)
