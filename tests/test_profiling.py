"""`mycelium bench --flamegraph` and `--memory`: what is run, what is refused, and the pictures where the profilers are installed."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.bench import profiling
from mycelium.cli import cli
from mycelium.errors import ProfilerFailedError, ProfilerMissingError


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments])


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A profiler of ours in the place of py-spy."""
    path = folder / "py-spy"
    path.write_text(f"#!{sys.executable}\nimport sys, subprocess\narguments = sys.argv[1:]\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))


def test_the_profiler_runs_the_service_to_its_end_and_sees_frames_of_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        tmp_path,
        monkeypatch,
        "assert '--native' in arguments\n"
        "told = subprocess.run(arguments[arguments.index('--') + 1:], capture_output=True, text=True, check=True).stdout\n"
        "open(arguments[arguments.index('--output') + 1], 'w').write(told)",
    )
    profiling.draw_flame_graph(tmp_path / "flame.svg", trades=1000)
    assert "the ledger balances: 2,000 sent = 2,000 handled" in (tmp_path / "flame.svg").read_text()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit('Permission Denied: try again as root')", "Permission Denied: try again as root"),
        ("sys.exit(3)", "exit code 3"),
        ("", "it wrote no picture"),
    ],
)
def test_a_profiler_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str) -> None:
    program(tmp_path, monkeypatch, body)
    with pytest.raises(ProfilerFailedError, match=reason):
        profiling.draw_flame_graph(tmp_path / "flame.svg")


def test_a_profiler_that_is_not_there_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProfilerMissingError, match=r"mycelium-actors\[profile\]"):
        profiling.draw_flame_graph(tmp_path / "flame.svg")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProfilerMissingError, match="memray"):
        profiling.draw_memory(tmp_path / "memory.html")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--flamegraph", "flame.png"], "let the name end in .svg"),
        (["--memory", "memory.svg"], "let the name end in .html"),
        (["--flamegraph", "nowhere/flame.svg"], "there is no directory"),
        (["--flamegraph", "flame.svg", "--only", "tell"], "--only does not go with"),
        (["--memory", "memory.html", "--counters"], "--counters does not go with"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = bench(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    importlib.util.find_spec("memray") is None, reason="pip install mycelium-actors[profile] brings memray"
)
def test_memory_is_drawn_and_told(tmp_path: Path) -> None:
    told = profiling.draw_memory(tmp_path / "memory.html", trades=1000)
    assert "Peak memory usage" in told
    assert "<html" in (tmp_path / "memory.html").read_text(encoding="utf-8")[:2000]
