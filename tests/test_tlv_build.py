"""The C sources compile without a warning for the Pythons that are not here: without a GIL, and without freelists."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORES = [ROOT / package / "native" / "module.c" for package in ("tlv", "mycelium")]
HEADERS = Path(sysconfig.get_path("include"))
COMPILERS = [name for name in ("gcc", "clang", "clang-14") if shutil.which(name)]

pytestmark = pytest.mark.skipif(not (HEADERS / "Python.h").exists() or not COMPILERS, reason="there is no C compiler")


@pytest.mark.parametrize("macro", ["Py_GIL_DISABLED=1", "MYCELIUM_NO_FREELIST", "Py_DEBUG"])
@pytest.mark.parametrize("core", CORES, ids=lambda core: core.parent.parent.name)
def test_the_core_compiles_without_a_warning(core: Path, macro: str) -> None:
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fno-strict-aliasing", "-fsyntax-only"]
    for compiler in COMPILERS:
        told = subprocess.run(
            [compiler, *options, f"-D{macro}", f"-I{HEADERS}", str(core)], capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
