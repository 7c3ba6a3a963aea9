"""`mycelium top` and `mycelium graph --live`: what they show of a running node."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from mycelium.cli import cli
from mycelium.cli.top_view import TopView
from mycelium.logging import reset_logging
from mycelium.observing.control import ControlSocket
from mycelium.observing.messages import Watching
from mycelium.observing.snapshot import Snapshot
from tests.watched_node import COUNT, node_at_rest, runtime_directory

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with runtime_directory(monkeypatch) as made:
        yield made


@pytest.fixture
def node() -> Iterator[None]:
    with node_at_rest() as (made, _), ControlSocket(made):
        yield


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


# The picture ------------------------------------------------------------------------------------------------------


def actor(name: str, **said: Any) -> Watching.ActorState:
    counts = {field.name: 0 for field in Watching.ActorState.layout.fields}
    return Watching.ActorState(**{**counts, "alive": True, "name": name, **said})


def snapshot(*actors: Watching.ActorState, seconds: float = 2.0, **said: Any) -> Snapshot:
    counts: dict[str, Any] = {field.name: 0 for field in Watching.NodeState.layout.fields}
    counts |= {
        "name": "demo",
        "node": "",
        "profile": "",
        "state": "running",
        "tlv": "native",
        "balanced": True,
        "seconds": seconds,
    }
    return Snapshot(Watching.NodeState(**{**counts, **said}), actors, (), (), ())


def drawn(view: TopView, of: Snapshot) -> str:
    console = Console(width=200, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(view.picture(of))
    return captured.get()


def row_of(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.split()[:1] == [name])
    return re.sub(r"(\d) (k|M|us|ms|s)\b", r"\1\2", line).split()[1:]


def test_a_row_has_everything_about_an_actor() -> None:
    text = drawn(
        TopView(),
        snapshot(
            actor(
                "tape",
                waiting=5,
                waiting_max=1_200,
                capacity=10_000,
                handled=3_000,
                failed=2,
                dropped=3,
                dead_lettered=4,
                restarted=1,
                mailbox_p50=1_500,
                mailbox_p99=2_500_000,
                handling_p50=800,
            )
        ),
    )
    assert row_of(text, "tape") == [
        "5", "1,200", "1,500", "3,000", "2", "3", "4", "1", "1.5us", "2.5ms", "0.8us", ".",
    ]  # fmt: skip


def test_what_was_dropped_and_what_is_dead_stand_apart() -> None:
    text = drawn(TopView(), snapshot(actor("tape", handled=2, failed=3, dropped=5, dead_lettered=7)))
    head, *_ = (line.split() for line in text.splitlines() if line.split()[:1] == ["actor"])
    row = dict(zip(head[1:], row_of(text, "tape"), strict=False))
    assert (row["failed"], row["dropped"], row["dead"]) == ("3", "5", "7")


@pytest.mark.parametrize("width", [24, 30, 40, 60, 80, 120])
def test_no_number_is_cut_where_the_terminal_is_narrow(width: int) -> None:
    numbers = dict.fromkeys(("waiting", "waiting_max", "handled", "failed", "dropped", "dead_lettered"), 1_234_567)
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(TopView().picture(snapshot(actor("arbitrage_watcher", **numbers))))
    (row,) = (line for line in captured.get().splitlines() if line.strip().startswith("arb"))
    _, *cells = row.split()
    assert cells
    assert set(cells) <= {"1,234,567", "617.3", "617", "k", "617,284", "."}, row


def test_rates_are_those_since_the_last_look() -> None:
    view = TopView()
    drawn(view, snapshot(actor("tape", handled=3_000), seconds=2.0))
    text = drawn(view, snapshot(actor("tape", handled=3_500), actor("new", handled=50), seconds=2.5))
    assert row_of(text, "tape")[2] == "1,000"
    assert row_of(text, "new")[2] == "100"
    text = drawn(view, snapshot(actor("tape", handled=3_500), seconds=3.0))
    assert row_of(text, "tape")[2] == "."


def test_who_has_no_room_is_counted_and_the_busiest_stay() -> None:
    actors = [actor(f"actor{number}", handled=number, waiting=number == 1) for number in range(30)]
    text = drawn(TopView(room=lambda: 20), snapshot(*actors))
    shown = [
        line.split()[0] for line in text.splitlines() if line.lstrip().startswith("actor") and "waiting" not in line
    ]
    assert shown == ["actor1", *(f"actor{number}" for number in range(23, 30))]
    assert "and 22 more with less to do" in text


def test_losses_and_failures_are_told() -> None:
    lost = Snapshot(
        snapshot(balanced=False, sent=10, handled=7, dropped=1, dead_lettered=1).node,
        (),
        (),
        (),
        (Watching.FailureState(actor="tape", text="LookupError: three"),),
    )
    text = drawn(TopView(), lost)
    assert "tape failed: LookupError: three" in text
    assert "the ledger does not balance: 10 sent = 7 handled + 1 dropped + 1 dead-lettered" in text


# The command ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("node")
def test_once_prints_actors_messages_and_the_ledger() -> None:
    result = run("top", "--once")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("sums  running, ")
    assert f"pid {os.getpid()}  3 of 3 actors alive" in result.stdout
    assert row_of(result.stdout, "adder")[3] == str(COUNT)
    assert row_of(result.stdout, "Sum")[1:3] == [str(COUNT), str(COUNT - 1)]
    assert result.stdout.splitlines()[-1] == "the ledger balances: 200 sent = 199 handled + 1 in flight"
    assert "\x1b" not in result.stdout


@pytest.mark.usefixtures("node")
def test_json_is_for_scripts() -> None:
    told = json.loads(run("top", "sums", "--json").stdout)
    assert (told["name"], told["sent"], told["balanced"]) == ("sums", 200, True)
    assert [one["name"] for one in told["actors"]] == ["ticks", "adder", "board"]
    assert told["edges"][0] == {"sent": COUNT, "sender": "ticks", "receiver": "adder", "message": "Tick"}


@pytest.mark.usefixtures("node")
def test_a_picture_is_an_svg_document(tmp_path: Path) -> None:
    result = run("top", "--every", "0.11", "--svg", tmp_path / "top.svg")
    assert result.exit_code == 0, result.output
    text = "".join(ET.parse(tmp_path / "top.svg").getroot().itertext()).replace("\xa0", " ")
    assert "mycelium top sums" in text
    assert "the ledger balances: 200 sent" in text


def test_without_a_node_the_error_tells_where_it_looked(directory: Path) -> None:
    result = run("top")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "mycelium: [OBS-006] no node at all runs (running: none; looked in " + str(directory)
    )


TOPOLOGY = """
[topology]
name = "sums"
[actors.ticks]
class = "tests.watched_node:Ticks"
[actors.adder]
class = "tests.watched_node:Adder"
[actors.board]
class = "tests.watched_node:Board"
"""


@pytest.mark.parametrize(
    "arguments",
    [("top", "--every", "nan"), ("top", "--every", "inf"), ("graph", "x.toml", "--live", "--over", "nan")],
    ids=" ".join,
)
def test_seconds_that_are_no_number_are_refused_as_an_option(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert f"Error: Invalid value for '{arguments[-2]}': '{arguments[-1]}' is no number of seconds" in result.stderr


@pytest.mark.usefixtures("node")
def test_a_live_graph_has_rates_on_its_edges(tmp_path: Path) -> None:
    file = tmp_path / "sums.toml"
    file.write_text(TOPOLOGY)
    told = run("graph", file, "--live", "--over", "0.15")
    assert told.exit_code == 0, told.output
    assert re.search(r"title: sums, after \d+\.\d s", told.stdout)
    assert '-->|"Tick 0/s"|' in told.stdout
    drawn = run("graph", file, "--live", "--over", "0.15", "--pid", os.getpid(), "--svg", tmp_path / "sums.svg")
    assert drawn.exit_code == 0, drawn.output
    assert ">Sum 0/s</text>" in (tmp_path / "sums.svg").read_text()


def test_a_live_graph_of_what_does_not_run_is_a_declared_error(tmp_path: Path) -> None:
    file = tmp_path / "sums.toml"
    file.write_text(TOPOLOGY)
    result = run("graph", file, "--live")
    assert result.exit_code == 2
    assert "[OBS-006] no node called sums runs" in result.stderr


def test_a_run_is_seen_until_its_end_and_leaves_no_socket(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(TOPOLOGY.partition("[actors.board]")[0])
    result = run("run", file, "--quiet")
    reset_logging()
    assert result.exit_code == 0, result.output
    assert list(directory.iterdir()) == []


def test_a_run_that_cannot_be_looked_at_goes_on_with_a_warning(directory: Path, tmp_path: Path) -> None:
    directory.mkdir(mode=0o755)
    file = tmp_path / "demo.toml"
    file.write_text(TOPOLOGY.partition("[actors.board]")[0])
    for options in ((), ("--quiet",)):
        result = run("run", file, *options)
        reset_logging()
        assert result.exit_code == 0
        assert "warning: [OBS-005] sums cannot be looked at" in result.stderr


class Terminal:
    """A program on a terminal of its own, and everything that it has shown."""

    def __init__(self, *arguments: str) -> None:
        self._controller, terminal = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "150", "LINES": "40", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mycelium", *arguments], stdout=terminal, stderr=terminal, env=environment
        )
        os.close(terminal)
        self._killer = threading.Timer(DEADLINE, self.process.kill)
        self._killer.start()
        self.shown = ""

    def wait_until(self, shows: Callable[[str], bool]) -> None:
        while not shows(self.shown):
            self.shown += os.read(self._controller, 65_536).decode(errors="replace")

    def finish(self) -> int:
        """Its exit code, when it has ended by itself."""
        with suppress(OSError):  # the program has closed its end
            self.wait_until(lambda _: False)
        os.close(self._controller)
        self._killer.cancel()
        return self.process.wait(DEADLINE)


def test_on_a_terminal_it_goes_on_until_ctrl_c_and_leaves_the_node_alone(directory: Path) -> None:
    with node_at_rest() as (made, _), ControlSocket(made):
        top = Terminal("top", "--every", "0.1")
        top.wait_until(lambda shown: shown.count("the ledger balances") >= 3)
        top.process.send_signal(signal.SIGINT)
        assert top.finish() == 0
        assert "Traceback" not in top.shown
        assert "\x1b[?25h" in top.shown, "the cursor is back"
        assert made.state == "running"


def test_it_ends_when_the_node_does() -> None:
    with node_at_rest() as (made, _):
        control = ControlSocket(made)
        top = Terminal("top", "sums", "--every", "0.1")
        top.wait_until(lambda shown: "the ledger balances" in shown)
        control.close()
        assert top.finish() == 0
    assert f"sums (pid {os.getpid()}) has ended" in top.shown
