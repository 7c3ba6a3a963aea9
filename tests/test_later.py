"""What is imported later: it is left out until somebody uses it, and then it works."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mycelium.imports.later import later

SERVICE = """
import sys
import importlib.util
before = set(sys.modules)
import mycelium.node.joined, mycelium.topology.loading, mycelium.logging
heavy = {"asyncio", "rich", "pygments", "ssl", "_ssl", "hashlib", "_hashlib", "secrets"}
assert not (set(sys.modules) - before) & heavy, sorted((set(sys.modules) - before) & heavy)

import asyncio, io, pydantic, structlog
assert callable(asyncio.run)
told = io.StringIO()
async def say():
    log = structlog.stdlib.AsyncBoundLogger(structlog.PrintLogger(told), [structlog.processors.JSONRenderer()], {})
    await log.info("said")
asyncio.run(say())
assert "said" in told.getvalue()
assert pydantic.SecretStr("one") == pydantic.SecretStr("one")
try:
    raise ValueError("drawn")
except ValueError:
    structlog.dev.plain_traceback(told, sys.exc_info())
    try:
        structlog.dev.rich_traceback(told, sys.exc_info())
    except ModuleNotFoundError:
        assert importlib.util.find_spec("rich") is None
    else:
        assert "rich" in sys.modules
"""


def test_a_service_does_not_import_what_it_does_not_use_and_who_uses_it_has_it() -> None:
    subprocess.run([sys.executable, "-c", SERVICE], check=True, timeout=120)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that imports two others, and uses one when it is called."""
    (tmp_path / "late_part.py").write_text("def answer(of):\n    return of + 1\nclass Kept:\n    number = 5\n")
    (tmp_path / "late_user.py").write_text(
        "import late_part\nfrom late_part import answer, Kept\n"
        "def use():\n    return late_part.answer(1), answer(2), Kept.number\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("late_part", "late_user"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "late_user"


def test_what_comes_later_is_imported_when_it_is_used(package: str) -> None:
    with later("late_part"):
        user = importlib.import_module(package)
    assert "late_part" not in sys.modules
    assert user.use() == (2, 3, 5)
    assert "late_part" in sys.modules


def test_it_may_be_used_while_others_are_still_imported(package: str) -> None:
    with later("late_part"):
        assert importlib.import_module(package).use() == (2, 3, 5)
    assert sys.modules["late_part"].answer(1) == 2


def test_what_is_not_installed_stays_missing(package: str) -> None:
    del package
    with later("no_such_package", "no_such_package.part"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package.part")


def test_what_is_loaded_already_stays(package: str) -> None:
    part = importlib.import_module("late_part")
    with later("late_part"):
        user = importlib.import_module(package)
    assert user.late_part is part
