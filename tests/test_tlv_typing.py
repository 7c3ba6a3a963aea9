"""What type checkers say about programs that declare and use messages; see tests/typing."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "tests" / "typing"
REFUSED = ("refused.py", "refused_actors.py")
MARK = re.compile(r"  # type: ignore\[([a-z-]+)\]")
ERROR = re.compile(r"^(?P<file>.*?):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$", re.MULTILINE)

accepted = importlib.import_module("tests.typing.accepted")


def unmarked(source: Path, folder: Path) -> tuple[Path, set[tuple[int, str]]]:
    """A copy of a program without its marks, and the line and the reason of each."""
    text = source.read_text()
    marks = {(number, code) for number, line in enumerate(text.splitlines(), 1) for code in MARK.findall(line)}
    copy = folder / source.name
    copy.write_text(MARK.sub("", text))
    return copy, marks


def test_mypy_accepts_the_right_programs_and_refuses_each_wrong_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.chdir(ROOT)
    wrong = [unmarked(PROGRAMS / name, tmp_path) for name in REFUSED]
    kept = getattr(pytestconfig, "cache", None)
    cache = kept.mkdir("mypy") if kept else tmp_path
    right = PROGRAMS / "accepted.py"
    options = ["--strict", "--config-file=", f"--cache-dir={cache}", "--no-error-summary", "--hide-error-context"]
    said, failure, _ = api.run([*options, str(right), *(str(copy) for copy, _ in wrong)])
    assert not failure, failure
    errors = {(Path(match["file"]).name, int(match["line"]), match["code"]) for match in ERROR.finditer(said)}
    assert errors == {(copy.name, line, code) for copy, marks in wrong for line, code in marks}, said


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_pyright_accepts_the_right_programs_and_refuses_each_wrong_line(tmp_path: Path) -> None:
    wrong = [unmarked(PROGRAMS / name, tmp_path) for name in REFUSED]
    programs = [PROGRAMS / "accepted.py", *(copy for copy, _ in wrong)]
    settings = {"extraPaths": [str(ROOT)], "include": list(map(str, programs))}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    run = subprocess.run(
        ["pyright", "--outputjson", "--project", str(tmp_path)], capture_output=True, text=True, check=False
    )
    told = [one for one in json.loads(run.stdout)["generalDiagnostics"] if one["severity"] == "error"]
    errors = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in told}
    assert errors == {(copy.name, line) for copy, marks in wrong for line, _ in marks}, told


@pytest.mark.parametrize("program", accepted.PROGRAMS, ids=lambda program: program.__name__)
def test_the_right_programs_run(program: Callable[[], None]) -> None:
    program()
