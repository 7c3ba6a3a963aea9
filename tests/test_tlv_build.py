"""The C sources compile without a warning for the Pythons that are not here: without a GIL, and without freelists."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parent.parent / "tlv" / "native" / "module.c"
HEADERS = Path(sysconfig.get_path("include"))
COMPILERS = [name for name in ("gcc", "clang", "clang-14") if shutil.which(name)]

pytestmark = pytest.mark.skipif(not (HEADERS / "Python.h").exists() or not COMPILERS, reason="there is no C compiler")


@pytest.mark.parametrize("macro", ["Py_GIL_DISABLED=1", "MYCELIUM_NO_FREELIST", "Py_DEBUG"])
def test_the_core_compiles_without_a_warning(macro: str) -> None:
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fno-strict-aliasing", "-fsyntax-only"]
    for compiler in COMPILERS:
        told = subprocess.run(
            [compiler, *options, f"-D{macro}", f"-I{HEADERS}", str(CORE)], capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
