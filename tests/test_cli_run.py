"""`mycelium run`: what it prints, what it returns, and how it is stopped."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli
from mycelium.logging import configure_logging, reset_logging

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 60.0

DEMO = """
[topology]
name = "demo"
[actors.ticker]
class = "tests.topology_actors:Ticker"
[actors.ticker.config]
count = 1000
[actors.tape]
class = "tests.topology_actors:Tape"
[actors.board]
class = "tests.topology_actors:Board"
"""


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    reset_logging()


def written(text: str) -> str:
    Path("demo.toml").write_text(dedent(text))
    return "demo.toml"


def run(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", written(text), *arguments])


def actors(**classes: str) -> str:
    """A topology of these classes."""
    sections = [f'[actors.{name}]\nclass = "tests.topology_actors:{kind}"\n' for name, kind in classes.items()]
    return '[topology]\nname = "demo"\n' + "".join(sections)


def test_a_run_ends_with_a_report_and_exit_code_0() -> None:
    result = run(DEMO)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"demo: finished after \d+\.\d\d s", lines[0])
    assert lines[1:4] == ["", "board", "  501 prices, the last is -1"]
    assert "1000  Tick     1,000    1,000        .              ." in lines
    assert "source    ticker: 1,000 of 1,000 ticks, finished" in lines
    assert lines[-1] == "ledger    the ledger balances: 1,501 sent = 1,501 handled"


def test_json_prints_one_object_and_nothing_else_on_stdout() -> None:
    told = json.loads(run(DEMO, "--json").stdout)
    assert told["state"] == "finished"
    assert told["total"]["sent"] == told["total"]["handled"] == 1501
    assert told["balanced"] is True
    assert told["sources"][0]["done"] == 1000
    assert told["hand_off"]["samples"] > 0


def test_quiet_prints_the_verdict_only() -> None:
    result = run(DEMO, "--quiet")
    assert result.output.splitlines() == ["ledger    the ledger balances: 1,501 sent = 1,501 handled"]


def test_settings_profile_speed_and_input_reach_the_actors() -> None:
    Path("data").mkdir()
    text = DEMO.replace('name = "demo"', 'name = "demo"\ninput_profile = "read"\nprofile = "made"').replace(
        "[actors.ticker]\n", '[actors.ticker]\nprofile = ["read", "made"]\n'
    )
    result = run(text, "--set", "ticker.count=10", "--speed", "2.5x", "--input", "data", "--json")
    told = json.loads(result.stdout)
    assert told["profile"] == "read"
    assert told["sources"][0]["total"] == 10
    assert json.loads(run(text, "--profile", "made", "--json").stdout)["profile"] == "made"


def test_warnings_are_told_and_strict_makes_them_errors() -> None:
    text = actors(ticker="Ticker")
    loose = run(text)
    assert loose.exit_code == 0
    assert loose.stderr.splitlines()[0].startswith(
        "warning: [TOP-020] demo.toml: [actors.ticker]: Tick is emitted and nobody receives it"
    )
    assert "unrouted  100 Tick were emitted, and nobody receives them" in loose.stdout
    strict = run(text, "--strict")
    assert strict.exit_code == 2
    assert strict.stderr.startswith("mycelium: [TOP-003] demo.toml has 1 problem")


def test_a_crash_is_exit_code_1_and_named_in_report_and_log() -> None:
    result = run(actors(ticker="Ticker", crashing="Crashing", tape="Tape", board="Board"))
    assert result.exit_code == 1
    assert "failed    crashing: ZeroDivisionError: three" in result.stdout
    assert "96" in next(line for line in result.stdout.splitlines() if line.startswith("1000  Tick"))
    assert result.stdout.splitlines()[-1].startswith("ledger    the ledger balances: 251 sent")
    logged = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    failed = next(line for line in logged if line["event"] == "actor failed")
    assert (failed["actor"], failed["node"], failed["level"]) == ("crashing", "demo", "error")
    assert "Tick(number=3)" in failed["message"]
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "locals" not in failed["exception"][0]["frames"][0]
    assert not [line for line in logged if line["event"].startswith("Unhandled exception")]


def test_faulty_input_is_exit_code_2() -> None:
    text = actors(ticker="Ticker", tape="Tape", board="Board")
    result = run(text, "--set", "ticker.wrong_row=5", "--quiet")
    assert result.exit_code == 2
    assert "mycelium: ticker: [NODE-001] row 5 is wrong; mend it" in result.stderr.splitlines()
    logged = json.loads(result.stderr.splitlines()[0])
    assert logged["error"] == "[NODE-001] row 5 is wrong; mend it"
    assert "exception" not in logged
    debugged = run(text, "--set", "ticker.wrong_row=5", "--debug")
    assert '"exc_type": "RowError"' in debugged.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.toml"], "mycelium: [TOP-001] cannot read the topology missing.toml: No such file or directory"),
        (["demo.toml", "--input", "nowhere"], "mycelium: [NOD-006] --input nowhere: there is no such directory"),
        (["demo.toml", "--input", "demo.toml"], "mycelium: [NOD-006] --input demo.toml: this is a file"),
        (["demo.toml", "--speed", "fast"], "'fast' is neither 'max' nor a factor like '1x' or '2.5x'"),
        (["demo.toml", "--set", "x"], "[TOP-024] --set 'x': this is not actor.key=value"),
        (["demo.toml", "--profile", "x"], "[TOP-022] demo.toml: no actor has the profile 'x'"),
    ],
)
def test_what_a_user_does_wrong_is_exit_code_2_without_a_traceback(arguments: list[str], said: str) -> None:
    written(DEMO)
    result = CliRunner().invoke(cli, ["run", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_constructor_that_fails_is_one_line_and_debug_shows_where() -> None:
    text = actors(ticker="Ticker", bad="BadBirth")
    result = run(text)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        (
            "mycelium: [NOD-002] bad (BadBirth) cannot be started: RuntimeError: no such luck; "
            "mend its __init__, its on_start or its config; --debug shows where it fails"
        )
    ]
    debugged = run(text, "--debug")
    assert debugged.exit_code == 2
    assert 'raise RuntimeError("no such luck")' in debugged.stderr


def test_an_on_start_that_fails_names_the_actor() -> None:
    result = run(actors(ticker="Ticker", bad="BadStart"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "mycelium: [NODE-001] row 0 is wrong; mend it; while bad (BadStart) was started"
    )


def test_modules_are_found_in_the_working_directory() -> None:
    Path("my_service_module.py").write_text(
        "from mycelium import Actor\nclass Idle(Actor):\n    def on_start(self) -> None:\n        self.stop()\n"
    )
    result = run('[actors.idle]\nclass = "my_service_module:Idle"\n')
    assert result.exit_code == 0, result.output
    assert "ledger    the ledger balances: 0 sent = 0 handled" in result.stdout


@dataclass
class Program:
    """A `mycelium run` in a process of its own, killed when the test's time is over."""

    process: subprocess.Popen[str]
    killer: threading.Timer

    def read_until(self, part: str) -> None:
        """Read its log until a line holds ``part``."""
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if part in line:
                return
        raise AssertionError(f"{part!r} did not come: {''.join(seen)}")

    def finish(self) -> tuple[int, str]:
        """Its exit code and what it printed."""
        out, _ = self.process.communicate()
        return self.process.returncode, out


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Any]:
    started: list[Program] = []

    def start(text: str, *arguments: str) -> Program:
        process = subprocess.Popen(
            [sys.executable, "-m", "mycelium", "run", written(text), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        killer = threading.Timer(DEADLINE_S, process.kill)
        killer.start()
        started.append(Program(process, killer))
        return started[-1]

    yield start
    for one in started:
        one.killer.cancel()
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_stops(program: Any, number: signal.Signals) -> None:
    running = program(actors(endless="Endless", announcing="Announcing"), "--json")
    running.read_until("first tick")
    running.process.send_signal(number)
    code, out = running.finish()
    told = json.loads(out)
    assert code == 0
    assert told["state"] == "interrupted"
    assert told["sources"][0]["state"] == "stopped"
    assert told["total"]["sent"] == told["total"]["handled"] > 0


def test_a_source_that_pauses_is_stopped_at_once_and_is_not_called_finished(program: Any) -> None:
    running = program(actors(paused="Paused", announcing="Announcing"), "--json")
    running.read_until("first tick")
    running.process.send_signal(signal.SIGINT)
    code, out = running.finish()
    assert code == 0
    assert json.loads(out)["sources"][0]["state"] == "stopped"


def test_a_second_signal_stops_at_once_even_where_an_actor_hangs(program: Any) -> None:
    running = program(actors(endless="Endless", hanging="Hanging"))
    running.read_until("first tick")
    running.process.send_signal(signal.SIGINT)
    running.read_until("once more stops at once")
    running.process.send_signal(signal.SIGINT)
    code, out = running.finish()
    assert code == 130
    assert "demo: aborted after" in out
    assert "the ledger balances" in out


def test_plain_lines_tell_the_progress_where_there_is_no_terminal(program: Any) -> None:
    running = program(actors(paused="Paused", announcing="Announcing"))
    running.read_until("first tick")
    line = next(line for line in running.process.stdout if " 1 handled" in line and "paused 50 %" in line)
    # How many a second depends on when it gets to write the line.
    assert re.fullmatch(r" +\d+\.\d s  running, 1 handled \([01]/s\), paused 50 %\n", line)
    running.process.send_signal(signal.SIGINT)
    code, out = running.finish()
    assert code == 0
    assert "source    paused: 1 of 2, stopped" in out


@pytest.mark.parametrize("height", [20, 60])
def test_a_terminal_gets_a_live_table_and_wrapped_summaries(height: int) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mycelium", "run", written(actors(paused="Paused", announcing="Announcing"))],
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "60", "LINES": str(height), "TERM": "xterm"},
    )
    killer = threading.Timer(DEADLINE_S, process.kill)
    killer.start()
    os.close(terminal)
    shown = ""
    told = False
    try:
        while True:
            shown += os.read(controller, 65536).decode(errors="replace")
            if not told and "1 of 2" in shown and "messages/s" in shown.partition("1 of 2")[2]:
                told = True
                process.send_signal(signal.SIGINT)
    except OSError:  # the program has closed its end
        pass
    finally:
        killer.cancel()
        os.close(controller)
    assert process.wait(DEADLINE_S) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n")
    assert "first tick [demo/announcing]" in text
    assert re.search(r"demo  running, \d+\.\d s", text)
    assert "stopping when every message is handled; once more stops at once" in " ".join(text.split())
    assert "1 of 2" in text
    assert (
        "announcing\n  1 ticks seen, and this is a long line of words that goes\n      on and on\n  and a second line"
        in text
    )
    assert "the ledger balances: 1 sent = 1 handled" in text


def test_the_log_is_json_or_console_and_takes_in_other_loggers(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    import structlog

    configure_logging("info", node="demo", as_json=True)
    structlog.get_logger(actor="tape").info("hello", n=1)
    structlog.get_logger().debug("not shown")
    logging.getLogger("pykka").warning("from %s", "pykka")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["node"], line["level"]) for line in lines] == [
        ("hello", "demo", "info"),
        ("from pykka", "demo", "warning"),
    ]
    assert lines[0]["actor"] == "tape"
    assert lines[1]["logger"] == "pykka"

    try:
        raise ValueError("of a plain pykka actor")
    except ValueError:
        logging.getLogger("pykka").exception("Unhandled exception in Plain")
        structlog.get_logger(actor="tape").exception("here it is told")
        logging.getLogger("pykka").exception("and not again")
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in events] == ["Unhandled exception in Plain", "here it is told"]
    assert [line["exception"][0]["exc_value"] for line in events] == ["of a plain pykka actor"] * 2

    configure_logging("debug", node="demo", as_json=False)
    structlog.get_logger(actor="tape").debug("hello", n=1)
    logging.getLogger("pykka").debug("from pykka")
    lines_shown = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} \[debug *\] hello \[demo/tape\] n=1", lines_shown[0])
    assert "from pykka" in lines_shown[1]
