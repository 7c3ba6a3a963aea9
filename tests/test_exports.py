"""What `import mycelium` offers, and what it does not load."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import mycelium

# What takes long to import, and is not needed to show a help page.
SLOW = ("pydantic", "pykka", "structlog", "rich", "numpy")


@pytest.mark.parametrize("name", mycelium.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(mycelium, name) is not None
    assert name in dir(mycelium)


def test_the_list_of_exports_is_complete_and_sorted() -> None:
    assert list(mycelium.__all__) == sorted(mycelium._HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mycelium' has no attribute 'Aktor'"):
        mycelium.Aktor  # type: ignore[attr-defined]


def test_help_loads_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from mycelium.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        f"print([name for name in {SLOW!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Run a topology" in done.stdout


def test_no_module_hides_an_exported_name() -> None:
    """An imported submodule becomes an attribute of its package, and would stand in for the lazy name."""
    modules = {one.name for one in pkgutil.iter_modules(mycelium.__path__)}
    assert not modules & set(mycelium.__all__)
