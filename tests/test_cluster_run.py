"""`mycelium run` of a topology on two nodes: real processes, joined over shared memory."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner

from mycelium import Node, Topology
from mycelium.cli import cli, run_nodes
from mycelium.observing.attach import attach
from mycelium.observing.control import ControlSocket
from mycelium.observing.places import running_nodes
from tests.test_top import Terminal
from tests.topology_actors import Board

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 60.0

if importlib.util.find_spec("iceoryx2") is None:
    pytest.skip("the extra ipc is not installed", allow_module_level=True)

FILE = """
[nodes.feeds]
[nodes.desk]

[actors.ticker]
class = "tests.topology_actors:{source}"
node = "feeds"

[actors.tape]
class = "tests.topology_actors:Tape"
node = "desk"

[actors.board]
class = "tests.topology_actors:Board"
node = "desk"
"""


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own for the sockets and links of the nodes."""
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(folder))
    yield folder
    for place in running_nodes():
        os.kill(place.pid, signal.SIGKILL)


def write(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "apart.toml"
    path.write_text(FILE.format(source=source))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mycelium", "run", *map(str, arguments)]


def until(holds: Callable[[], Any], what: str) -> None:
    nap = Event()
    for _ in range(int(DEADLINE_S / 0.02)):
        if holds():
            return
        nap.wait(0.02)
    raise AssertionError(f"never came about: {what}")


def test_a_run_on_two_nodes_reports_what_one_process_does(tmp_path: Path, runtime: Path) -> None:
    path = write(tmp_path, "Ticker")
    done = subprocess.run(
        command(path, "--json", "--set", "ticker.count=5000"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    document = Topology.load(path)
    actors = {name: spec.model_copy(update={"node": ""}) for name, spec in document.actors.items()}
    actors["ticker"] = actors["ticker"].model_copy(update={"config": {"count": 5000}})
    with Node(Topology(name="apart", actors=actors)) as node:
        assert node.wait(DEADLINE_S)
    together = json.loads(json.dumps(node.report().to_dict()))
    for key in ("messages", "summaries", "verdict", "state", "failures", "unrouted"):
        assert told[key] == together[key], key
    assert [(row["actor"], row["handled"]) for row in told["actors"]] == [
        (row["actor"], row["handled"]) for row in together["actors"]
    ]
    assert running_nodes() == []


def test_a_killed_node_comes_back_and_none_outlives_its_launcher(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "Endless")
    reports = tmp_path / "reports"
    reports.mkdir()
    monkeypatch.setenv("TMPDIR", str(reports))
    launcher = subprocess.Popen(
        command(path, "--quiet"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: len(running_nodes()) == 2, "both nodes run")
        pids = {place.name: place.pid for place in running_nodes()}
        assert sorted(pids) == ["apart.desk", "apart.feeds"]
        with attach("apart.desk") as desk:
            until(lambda: any(actor.handled for actor in desk.look().actors), "the nodes are joined")
        os.kill(pids["apart.desk"], signal.SIGKILL)

        def is_back() -> bool:
            return any(place.name == "apart.desk" and place.pid != pids["apart.desk"] for place in running_nodes())

        until(is_back, "the killed node comes back")
        assert {place.pid for place in running_nodes() if place.name == "apart.feeds"} == {pids["apart.feeds"]}
        assert list(reports.iterdir())
        launcher.kill()
        until(lambda: running_nodes() == [], "all nodes end with their launcher")
        until(lambda: not list(reports.iterdir()), "the folder for their reports goes with them")
    finally:
        launcher.kill()
        _, logged = launcher.communicate(timeout=DEADLINE_S)
        sys.stderr.write(logged)  # shown with a failure
    assert "node died, and is started again" in logged


def test_what_another_start_may_mend_is_no_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher does not start a node again that ends with exit code 2."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(tmp_path / "file"))
    result = CliRunner().invoke(cli, ["run", str(write(tmp_path, "Ticker")), "--node", "desk"])
    assert "[LNK-009]" in result.stderr
    assert result.exit_code == 1


@pytest.mark.usefixtures("runtime")
def test_on_a_terminal_it_shows_every_node_until_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_COLOR", "1")
    run = Terminal("run", str(write(tmp_path, "Endless")))
    run.wait_until(lambda shown: all(re.search(f"{node} +running", shown) for node in ("feeds", "desk")))
    run.process.send_signal(signal.SIGINT)
    assert run.finish() == 0, run.shown
    assert "stopping when every message is handled" in run.shown
    assert "the ledger balances" in run.shown
    assert "Traceback" not in run.shown
    assert "\x1b[?25h" in run.shown, "the cursor is back"
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", run.shown), "no colours"
    assert running_nodes() == []


def test_a_second_run_of_a_topology_is_refused(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the first one is not touched: its nodes hold what the second one would take."""
    monkeypatch.setattr(run_nodes, "ENDING_S", 0.0)
    path = write(tmp_path, "Ticker")
    with Node(Topology(name="apart.desk", actors={"board": Board})) as first, ControlSocket(first):
        result = CliRunner().invoke(cli, ["run", str(path), "--json"])
    assert json.loads(result.stdout)["error"]["code"] == "NOD-034"
    assert "[NOD-034] apart runs on this host already: apart.desk (pid" in result.stderr
    assert result.exit_code == 1
