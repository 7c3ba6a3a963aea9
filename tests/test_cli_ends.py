"""How `mycelium` ends when actors, streams and users do what they should not: in time, and telling the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mycelium.node import Node, signals, stop_on_signals
from mycelium.topology import Topology
from tests.rude_actors import Stuck
from tests.topology_actors import Endless

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 60.0


def section(name: str, kind: str) -> str:
    """An actor of `topology_actors` or, named with a dot, of `rude_actors`."""
    module = "tests.rude_actors" if kind.startswith(".") else "tests.topology_actors"
    return f'[actors.{name}]\nclass = "{module}:{kind.removeprefix(".")}"\n'


def written(tmp_path: Path, **actors: str) -> str:
    (tmp_path / "demo.toml").write_text("".join(section(name, kind) for name, kind in actors.items()))
    return "demo.toml"


def shell(tmp_path: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in a shell; ``mycelium`` is ours. Too late is an error."""
    return subprocess.run(
        ["bash", "-c", f'mycelium() {{ "{sys.executable}" -m mycelium "$@"; }}; {command}'],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        (".ExitsInHandler", 1, "mycelium: rude: SystemExit: enough"),
        (".ExitsInStop", 1, "mycelium: rude: SystemExit: 4"),
        (".Unspeakable", 1, "mycelium: rude: UnspeakableError: <UnspeakableError, whose text cannot be shown"),
        (".InterruptsInStart", 2, "[NOD-002] rude (InterruptsInStart) cannot be started: KeyboardInterrupt"),
        (".ExitsInBirth", 2, "[NOD-002] rude (ExitsInBirth) cannot be started: SystemExit: 3"),
        (".InterruptsInBirth", 130, ""),
        (".ExitsInSummary", 0, "summary failed"),
        (".Parent", 0, ""),
        (".LeavesThread", 0, "left behind, still running: forgotten"),
        (".Configured", 2, "a validator of RaisingConfig raised RuntimeError: not today"),
    ],
)
def test_an_actor_that_ends_unusually_is_named_and_the_program_ends(
    tmp_path: Path, kind: str, code: int, said: str
) -> None:
    done = shell(tmp_path, f"mycelium run {written(tmp_path, ticker='Ticker', rude=kind)} --quiet")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if code != 2:
        assert "the ledger balances" in done.stdout


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            ".NoGenerator",
            "[ACT-011] rude.produce() gave None, not messages one after the other; write it as a generator",
        ),
        (".YieldsText", "[ACT-006] rude emitted 'abc', which is no message; it may emit Tick"),
    ],
)
def test_a_source_that_yields_no_messages_is_told_so(tmp_path: Path, kind: str, said: str) -> None:
    done = shell(tmp_path, f"mycelium run {written(tmp_path, rude=kind, receiver='.Receiver')} --quiet")
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("command", ["run demo.toml", "describe leaver", "config leaver", "errors --import leaver"])
def test_a_module_that_exits_when_imported_is_a_users_error(tmp_path: Path, command: str) -> None:
    (tmp_path / "leaver.py").write_text("raise SystemExit(7)\n")
    (tmp_path / "demo.toml").write_text('[actors.one]\nclass = "leaver:One"\n')
    done = shell(tmp_path, f"mycelium {command}")
    assert done.returncode == 2
    assert "leaver" in done.stderr
    assert "fails to import: SystemExit: 7" in done.stderr


def test_a_reader_that_goes_away_ends_the_run(tmp_path: Path) -> None:
    file = written(tmp_path, endless="Endless", receiver=".Receiver")
    done = shell(tmp_path, f"mycelium run {file} | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.splitlines()[-1] == "1"
    assert done.stderr == ""


def test_closed_streams_are_no_fault(tmp_path: Path) -> None:
    file = written(tmp_path, ticker="Ticker", logging=".Logging")
    for closed in (">&-", "2>&-", ">&- 2>&-", "<&-"):
        assert shell(tmp_path, f"mycelium run {file} {closed}").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_under_the_log_harms_no_actor_and_under_the_report_is_one_line(tmp_path: Path) -> None:
    file = written(tmp_path, ticker="Ticker", logging=".Logging")
    done = shell(tmp_path, f"mycelium run {file} 2> /dev/full")
    assert done.returncode == 0
    assert "100 sent = 100 handled" in done.stdout
    done = shell(tmp_path, f"mycelium run {file} --log-level error > /dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "mycelium: [NOD-011] the output cannot be written: No space left on device; make room, or write it elsewhere\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_what_cannot_be_said_on_stderr_changes_no_exit_code(tmp_path: Path) -> None:
    file = written(tmp_path, ticker="Ticker")  # a warning says that nobody receives what it emits
    done = shell(
        tmp_path, f"mycelium run {file} 2> /dev/full; echo $?; mycelium run nowhere.toml 2> /dev/full; echo $?"
    )
    assert "the ledger balances" in done.stdout
    assert done.stdout.endswith("\n0\n2\n")


def test_a_recording_may_come_through_a_pipe_but_not_from_a_device(tmp_path: Path) -> None:
    piped = shell(tmp_path, "printf 'not frames, but longer than a header' | mycelium decode /dev/stdin")
    assert piped.returncode == 2
    assert "[TLV-020] no frame at offset 0" in piped.stderr
    device = shell(tmp_path, "mycelium decode /dev/zero")
    assert device.returncode == 2
    assert "[NOD-007] cannot read the recording /dev/zero: it is a device" in device.stderr


def test_a_topology_may_begin_with_the_mark_of_windows_editors(tmp_path: Path) -> None:
    text = section("ticker", "Ticker") + section("receiver", ".Receiver")
    (tmp_path / "demo.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert Topology.load(tmp_path / "demo.toml").actors.keys() == {"ticker", "receiver"}


@contextmanager
def stuck_when_started(node: Node) -> Iterator[None]:
    """Inside, its only actor is in the middle of `produce`, and does not come out."""
    Stuck.entered.clear()
    Stuck.released.clear()
    node.start()
    try:
        assert Stuck.entered.wait(DEADLINE_S)
        yield
    finally:
        Stuck.released.set()
        assert node._actors["stuck"].ended.wait(DEADLINE_S)


def test_a_stuck_source_is_waited_for_once() -> None:
    node = Node(Topology(name="demo", actors={"stuck": Stuck}), stall_s=0.2)
    with stuck_when_started(node):
        node.stop()
        assert [failure.error for failure in node.report().failures] == ["ActorStuckError"]


def test_signals_after_the_second_are_impatience_and_the_end_of_the_terminal_is_a_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signals, "_CALM_S", 3_600.0)  # however long the abort takes here
    before = signal.getsignal(signal.SIGHUP)
    node = Node(Topology(name="demo", actors={"endless": Endless}))
    try:
        with stop_on_signals(node):
            node.start()
            signal.raise_signal(signal.SIGHUP)
            assert node.stop_requested
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            node.stop()
            assert node.state == "aborted"
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is before
        assert node.report().exit_code == 130
    finally:
        node.abort()


def test_a_stop_that_waits_becomes_an_abort_without_an_exception_that_could_strike_anywhere() -> None:
    node = Node(Topology(name="demo", actors={"stuck": Stuck}))
    waits: list[str] = []

    def strike() -> None:
        waits.append(node.state)
        signal.raise_signal(signal.SIGINT)

    with stop_on_signals(node), stuck_when_started(node):
        node.request_stop()
        node.stop(tick=strike)
        assert waits == ["draining"]
    assert node.report().exit_code == 130


def test_an_abort_that_does_not_begin_is_forced_by_a_later_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(Topology(name="demo", actors={"endless": Endless}))
    monkeypatch.setattr(signals, "_CALM_S", 0.0)
    try:
        with stop_on_signals(node):
            node.start()
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        node.abort()


def test_a_signal_that_was_ignored_before_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        node = Node(Topology(name="demo", actors={"endless": Endless}))
        with stop_on_signals(node):
            signal.raise_signal(signal.SIGHUP)
            assert not node.stop_requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_while_the_report_is_printed_lets_it_be_printed() -> None:
    node = Node(Topology(name="demo", actors={"endless": Endless}))
    with stop_on_signals(node):
        node.start()
        signal.raise_signal(signal.SIGINT)
        node.stop()
        signal.raise_signal(signal.SIGINT)
    assert node.report().exit_code == 0


def test_a_signal_before_the_actors_are_made_stops_at_once() -> None:
    node = Node(Topology(name="demo", actors={"endless": Endless}))
    with stop_on_signals(node), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert node.report().exit_code == 130


@pytest.mark.parametrize("module", ["click", "tlv", "mycelium.cli.run", "pydantic", "tests.topology_actors"])
def test_ctrl_c_while_something_is_imported_is_one_line(tmp_path: Path, module: str) -> None:
    program = f"""
import os, signal, sys

class Interrupts:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.argv = ["mycelium", "run", {written(tmp_path, ticker="Ticker", logging=".Logging")!r}]
from mycelium.__main__ import main
sys.meta_path.insert(0, Interrupts)
main()
"""
    (tmp_path / "interrupted.py").write_text(program)
    done = shell(tmp_path, f'"{sys.executable}" interrupted.py')
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "mycelium: stopped at once\n")


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_asks_for_plain_text_gets_no_colours(tmp_path: Path, plain: dict[str, str]) -> None:
    file = written(tmp_path, ticker="Ticker", logging=".Logging")
    given = {"TERM": "xterm", "NO_COLOR": "", **plain}
    program = (
        "import pty, sys; sys.exit(pty.spawn([sys.executable, '-m', 'mycelium', 'run', sys.argv[1], '--set', "
        "'ticker.count=2']) >> 8)"
    )
    done = shell(tmp_path, f"'{sys.executable}' -c \"{program}\" {file} </dev/null", **given)
    assert done.returncode == 0
    assert "the ledger balances" in done.stdout
    assert "\x1b[3" not in done.stdout
    assert "tick" in done.stdout


def test_next_to_nothing_is_imported_before_ctrl_c_is_one_line() -> None:
    """What the program of the installation imports ahead of `mycelium.__main__` is not ours."""
    told = subprocess.run(
        [
            sys.executable, "-S", "-c",
            "import os, re, sys; before = set(sys.modules); import mycelium.__main__; print(*sorted(set(sys.modules) - before))",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=DEADLINE_S, check=True,
    )  # fmt: skip
    assert set(told.stdout.split()) <= {
        "__future__",
        "_signal",
        "mycelium",
        "mycelium.__main__",
        "mycelium.early_stop",
        "os",
        "signal",
    }
