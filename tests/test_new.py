"""`mycelium new`: a service that runs, is typed and tidy, and overwrites nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli

ROOT = Path(__file__).resolve().parent.parent


def new(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["new", *arguments])


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300, env=environment
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_service_passes_its_own_tests_and_runs(folder: Path) -> None:
    made = new("price_watch")
    assert made.exit_code == 0, made.output
    assert "now: cd price_watch && make test" in made.output
    tested = run(folder / "price_watch", "make", "test")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "4 passed" in tested.stdout
    ran = run(folder / "price_watch", "make", "run", "ARGS=--quiet --set watcher.limit_bp=5000")
    assert ran.returncode == 0, ran.stderr
    assert "the ledger balances: 10,000 sent = 10,000 handled" in ran.stdout


def test_a_new_service_is_tidy(folder: Path) -> None:
    new("price_watch")
    looked = run(folder / "price_watch", sys.executable, "-m", "ruff", "check", "--select", "E,F,I,B,UP,ANN")
    assert looked.returncode == 0, looked.stdout
    drawn = run(folder / "price_watch", sys.executable, "-m", "ruff", "format", "--check")
    assert drawn.returncode == 0, drawn.stdout


def test_nothing_of_the_template_is_left_in_it(folder: Path) -> None:
    new("price_watch")
    for path in (folder / "price_watch").rglob("*"):
        assert "service_name" not in path.name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "service_name" not in text
            assert "ServiceName" not in text
    assert "class PriceWatch:" in (folder / "price_watch/price_watch/messages.py").read_text(encoding="utf-8")
    assert "python.mk" in (folder / "price_watch/.gitignore").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Price", "small letters"),
        ("price-watch", "small letters"),
        ("../price", "small letters"),
        ("", "small letters"),
        ("1st", "small letters"),
        ("p" * 41, "41 letters"),
        ("class", "Python has that word"),
        ("print", "Python has that word"),
        ("json", "there is a module of that name"),
        ("tlv", "there is a module of that name"),
        ("pykka", "installed"),
    ],
)
def test_a_name_that_is_none_is_refused(folder: Path, name: str, reason: str) -> None:
    refused = new(name)
    assert refused.exit_code == 2
    assert "[NEW-001]" in refused.output
    assert reason in refused.output
    assert not list(folder.iterdir())


def test_nothing_is_overwritten(folder: Path) -> None:
    (folder / "price_watch").mkdir()
    (folder / "price_watch/mine.txt").write_text("mine")
    refused = new("price_watch")
    assert refused.exit_code == 2
    assert "[NEW-002] price_watch is there already" in refused.output
    assert [path.name for path in (folder / "price_watch").iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_told(folder: Path) -> None:
    (folder / "price_watch").write_text("mine")
    assert "[NEW-002]" in new("price_watch").output


def test_it_can_be_put_elsewhere(folder: Path) -> None:
    made = new("price_watch", "--into", "services/first")
    assert made.exit_code == 0, made.output
    assert (folder / "services/first/price_watch/watcher.py").exists()
