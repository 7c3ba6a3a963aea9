"""The launcher, with nodes that are small programs: restarts, their limit, signals, logs, and the report of all."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mycelium import ActorSpec, Topology, resolve
from mycelium.cluster import launcher as launcher_module
from mycelium.cluster import process as process_module
from mycelium.cluster.folder import run_folder
from mycelium.cluster.launcher import Launcher
from mycelium.errors.cluster import RunFolderError
from mycelium.ledger.report import Report
from mycelium.node import Node
from mycelium.supervision.policy import Backoff
from tests.topology_actors import Tape, Ticker

DEADLINE_S = 60.0

#: What every node of these tests does: its own program, and then its report.
PREAMBLE = """
import json, os, pathlib, select, signal, sys
folder, node, text = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def report(**changed):
    (folder / f"{node}.json").write_text(json.dumps(json.loads(text) | changed))
def first():
    try:
        (folder / f"{node}.begun").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
def wait_for_signals():
    while True:  # a signal that came a moment before would be waited for in vain
        select.select([], [], [], 0.1)
"""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "BACKOFF", Backoff(first_s=0.0, max_s=0.0))


def topology(restarts: int = 3) -> Topology:
    return Topology(
        name="launched",
        nodes={"feeds": {"restarts": restarts}, "desk": {"restarts": restarts}},
        actors={
            "ticker": ActorSpec(actor_class=Ticker, node="feeds"),
            "tape": ActorSpec(actor_class=Tape, node="desk"),
        },
    )


EMPTY = json.dumps(Node(topology()).report().to_dict() | {"state": "finished"})


class Ready(io.StringIO):
    """Calls ``then`` when both nodes have said that they are ready."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then

    def write(self, text: str) -> int:
        wrote = super().write(text)
        if "ready" in text and self.getvalue().count("ready") == 2:
            self.then()
        return wrote


class Launched:
    """A launcher of programs, and what it has told."""

    def __init__(self, restarts: int = 3, **programs: str) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.notes: list[str] = []

        def command(node: str, folder: Path) -> list[str]:
            program = PREAMBLE + programs.get(node, "report()")
            return [sys.executable, "-S", "-c", program, str(folder), node, EMPTY]

        self.launcher = Launcher(
            resolve(topology(restarts)), command, out=self.out, err=self.err, tell=self.notes.append
        )

    def run(self) -> Report:
        return self.launcher.run()

    def send_signals(self, times: int) -> None:
        """As a user does: the first when both nodes are ready, the next when the launcher has told of the first."""
        left = iter(range(times))

        def send() -> None:
            for _ in left:
                os.kill(os.getpid(), signal.SIGTERM)
                return

        def tell(note: str) -> None:
            self.notes.append(note)
            send()

        self.launcher._out = Ready(send)
        self.launcher._tell = tell


def test_all_nodes_run_and_their_reports_are_one() -> None:
    launched = Launched(desk="report(summaries={'tape': 'all well'}, resident_bytes=7)")
    report = launched.run()
    assert report.ok
    assert report.state == "finished"
    assert report.summaries == {"tape": "all well"}
    assert [row.actor for row in report.actors] == []
    assert report.topology == "launched"


def test_what_a_node_prints_is_told_to_be_its_and_what_it_logs_says_so_itself() -> None:
    launched = Launched(
        feeds="print('hello'); print('{\"node\": \"feeds\"}', file=sys.stderr); print('no end', end=''); report()"
    )
    launched.run()
    assert launched.out.getvalue() == "feeds | hello\nfeeds | no end\n"
    assert launched.err.getvalue() == '{"node": "feeds"}\n'


def test_what_nodes_printed_last_is_passed_on_when_all_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the launcher is."""
    monkeypatch.setattr(launcher_module, "time", SimpleNamespace(monotonic=count(step=100).__next__))
    nap = threading.Event()

    def look_only(self: Launcher) -> None:
        nap.wait(0.01)
        for node in self._nodes.values():
            node.look(stopping=False)

    monkeypatch.setattr(Launcher, "_step", look_only)
    launched = Launched(feeds="print('hello'); print('no end', end=''); report()")
    launched.run()
    assert launched.out.getvalue() == "feeds | hello\nfeeds | no end\n"


def test_a_node_that_dies_is_started_again_and_the_run_is_not_clean() -> None:
    launched = Launched(
        desk="if first(): os.kill(os.getpid(), signal.SIGKILL)\nreport(summaries={'tape': 'second life'})"
    )
    report = launched.run()
    assert report.summaries == {"tape": "second life"}
    (failure,) = report.failures
    assert failure.text.startswith("[NOD-024] node desk ended by SIGKILL, without a report")
    assert report.exit_code == 1


def test_a_node_that_dies_too_often_ends_the_others() -> None:
    """They are told to stop; this one would run for ever."""
    launched = Launched(
        restarts=1,
        desk="os._exit(7)",
        feeds="signal.signal(signal.SIGTERM, lambda *_: (report(state='interrupted'), os._exit(0)))\nwait_for_signals()",
    )
    report = launched.run()
    assert report.state in {"interrupted", "aborted"}
    assert [failure.actor for failure in report.failures] == ["node desk"]
    assert "with exit code 7" in report.failures[0].text
    assert launched.launcher._nodes["desk"].deaths == 2


def test_a_run_that_a_node_refuses_is_refused_whatever_the_others_were_doing() -> None:
    """One has not begun, and one has told that it lost the other: neither makes it a run that was stopped at once."""
    waits = "signal.signal(signal.SIGTERM, signal.SIG_DFL)\nwait_for_signals()"
    lost = "{'actor': 'node feeds', 'error': 'PeerLostError', 'message': '', 'by_input': False}"
    tells = f"signal.signal(signal.SIGTERM, lambda *_: (report(state='new', failures=[{lost}]), os._exit(0)))\nwait_for_signals()"
    for feeds in (waits, tells):
        report = Launched(desk="os._exit(2)", feeds=feeds).run()
        assert report.exit_code == 2, report
        assert report.balanced


def test_a_node_that_had_not_begun_when_another_one_was_given_up_does_not_make_it_a_stop_at_once() -> None:
    waits = "signal.signal(signal.SIGTERM, lambda *_: (report(state='new'), os._exit(130)))\nwait_for_signals()"
    report = Launched(restarts=0, desk="os._exit(1)", feeds=waits).run()
    assert (report.state, report.exit_code) == ("interrupted", 1)


def test_a_node_that_refuses_its_config_is_not_started_again() -> None:
    report = Launched(desk="os._exit(2)").run()
    assert "with exit code 2" in report.failures[0].text
    assert report.exit_code == 2


WAITS = """
count = 0
def told(*_):
    global count
    count += 1
    if count == {times}:
        report(state='{state}')
        os._exit(0)
signal.signal(signal.SIGTERM, told)
signal.signal(signal.SIGINT, told)
print('ready', flush=True)
wait_for_signals()
"""


@pytest.mark.parametrize(("times", "state"), [(1, "interrupted"), (2, "aborted")])
def test_signals_are_passed_on_once_each(times: int, state: str) -> None:
    program = WAITS.format(times=times, state=state)
    launched = Launched(desk=program, feeds=program)
    launched.send_signals(times)
    report = launched.run()
    assert report.state == state
    assert report.exit_code == (0 if times == 1 else 130)
    assert launched.notes == ["stopping when every message is handled; once more stops at once"]


def test_who_does_not_stop_at_once_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher_module, "KILL_S", 0.1)
    program = WAITS.format(times=99, state="never")
    launched = Launched(desk=program, feeds=program)
    launched.send_signals(2)
    report = launched.run()
    assert report.state == "aborted"
    assert report.exit_code == 130


def test_a_launcher_runs_in_any_thread() -> None:
    launched = Launched()
    thread = threading.Thread(target=launched.run)
    thread.start()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_process_that_cannot_be_started_counts_as_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may have no memory, or no process, to spare: it may have later."""
    start = subprocess.Popen
    refused: list[bool] = []

    def popen(command: list[str], **options: Any) -> Any:
        if "desk" in command and len(refused) < 2:
            refused.append(True)
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return start(command, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    report = Launched(desk="report(summaries={'tape': 'third try'})").run()
    assert report.summaries == {"tape": "third try"}
    (failure,) = report.failures
    assert "[NOD-024] node desk ended before it began (Resource temporarily unavailable)" in failure.text
    assert report.exit_code == 1


def test_a_run_that_all_nodes_refuse_is_refused() -> None:
    """Each when the other one has begun, and whatever it is told: who is told to stop before it has begun refuses nothing."""
    refuses = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first()
while len(list(folder.glob("*.begun"))) < 2: select.select([], [], [], 0.01)
os._exit(2)
"""
    report = Launched(desk=refuses, feeds=refuses).run()
    assert {failure.actor for failure in report.failures} == {"node desk", "node feeds"}
    assert report.exit_code == 2


def test_a_node_that_is_killed_while_all_stop_is_told_of() -> None:
    dies = "signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))\n"
    launched = Launched(
        desk=f"{dies}print('ready', flush=True)\nwait_for_signals()",
        feeds=WAITS.format(times=1, state="interrupted"),
    )
    launched.send_signals(1)
    report = launched.run()
    assert [failure.actor for failure in report.failures] == ["node desk"]
    assert (report.state, report.exit_code) == ("interrupted", 1)


def test_the_folder_of_a_run_is_removed_with_it_and_that_of_a_killed_run_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    killed = tmp_path / "mycelium-run-killed"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "desk.json").touch()
    with run_folder() as one, run_folder() as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_the_folder_that_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(RunFolderError, match="missing', and there is no such directory"):
        Launched().run()
    assert list(tmp_path.iterdir()) == []


def test_where_nobody_looks_any_more_the_nodes_stop_in_order() -> None:
    """`| head -1`: what was to be shown cannot be written."""
    program = WAITS.format(times=1, state="interrupted")
    launched = Launched(desk=program, feeds=program)
    ready = threading.Event()
    launched.launcher._out = Ready(ready.set)
    shown = []

    def show() -> None:
        if ready.is_set():
            shown.append(1)
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        launched.launcher.run(show)
    assert shown == [1]
    reports = [node.report for node in launched.launcher.nodes.values()]
    assert [report.state for report in reports if report] == ["interrupted", "interrupted"]
