"""The order of the house: which way imports point, that modules stand alone, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each package, and the packages of ours that it may import beside itself.
MAY_IMPORT = {
    "tlv": set[str](),
    "mycelium": {"tlv"},
    "configs": {"mycelium", "tlv"},
    "actors": {"configs", "mycelium", "tlv"},
    "examples": {"actors", "configs", "mycelium", "tlv"},
}
OURS = {*MAY_IMPORT, "tests", "benches", "fuzz"}
PACKAGES = sorted(MAY_IMPORT)


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported_modules(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    forbidden = OURS - MAY_IMPORT[package] - {package}
    wrong = [
        f"{place(file, line)} imports {name}"
        for file in files_of(package)
        for line, name in imported_modules(file)
        if name.partition(".")[0] in forbidden
    ]
    assert not wrong, "\n".join(wrong)


def test_the_reference_application_takes_no_private_names() -> None:
    """It is written the way a user would write it: what it needs and cannot get is missing in the API."""
    wrong = [
        f"{place(file, node.lineno)} takes the private name {alias.name} from {node.module}"
        for package in ("actors", "configs", "examples")
        for file in files_of(package)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in {"mycelium", "tlv"}
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert not wrong, "\n".join(wrong)


# One process for a package: each module is imported in a fork of an interpreter that knows none of this package yet,
# which is as good as a fresh one and much quicker. What others have written is there beforehand, and the packages below
# as far as their names: imports point one way.
IMPORT_ALONE = """
import gc, importlib, os, sys, tempfile, warnings
package, below, names = sys.argv[1], sys.argv[2].split(), sys.argv[3:]

def fork(task, *arguments):
    child = os.fork()
    if child == 0:
        try:
            task(*arguments)
        except BaseException as problem:
            print(f"{arguments}: {type(problem).__name__}: {problem}", flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]

def tell_what_it_needs():
    for name in names:
        importlib.import_module(name)
    ours = {package, *below}
    told = [name for name in sys.modules if name.partition(".")[0] not in ours and not name.startswith("_")]
    noted.write(" ".join(told).encode())
    noted.flush()

def alone(name):
    warnings.simplefilter("error")
    importlib.import_module(name)

noted = tempfile.TemporaryFile()
failed = fork(tell_what_it_needs)
noted.seek(0)
for name in [*below, *noted.read().decode().split()]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # a name that a module gave itself
gc.disable()  # a fork that collects copies every page of what it has from here
gc.freeze()
for name in names:
    failed |= fork(alone, name)
sys.exit(bool(failed))
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_imports_alone_without_warnings(package: str) -> None:
    names = [module_name(file) for file in files_of(package) if file.name != "__main__.py"]
    command = [sys.executable, "-c", IMPORT_ALONE, package, " ".join(sorted(MAY_IMPORT[package])), *names]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stdout, "an import printed something:\n" + result.stdout
    assert not result.stderr, result.stderr


def test_importing_the_library_does_not_load_numpy() -> None:
    """It costs a service 13 MB, so only those who use columns load it."""
    program = "import sys, tlv, mycelium, mycelium.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0


def test_there_is_no_from_bytes_in_the_api() -> None:
    """Reading is `ref_from` (a view) or `read_from` (a copy): the name must say which. int.from_bytes may be called."""
    wrong = [
        place(file, node.lineno)
        for package in ("tlv", "mycelium")
        for file in files_of(package)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "from_bytes"
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b|\b(for now|placeholder)\b", re.IGNORECASE)
    wrong = [
        f"{place(file, number)}: {line.strip()}"
        for package in sorted(OURS)
        for file in files_of(package)
        if file != Path(__file__).resolve()
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_tests_wait_for_events_and_never_sleep() -> None:
    wrong = [
        place(file, node.lineno)
        for file in files_of("tests")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"sleep", "time.sleep"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_has_become_two_things() -> None:
    """Up to 400 lines, but for the catalogues of errors: those are one list each, however long."""
    lengths = {file: len(file.read_text().splitlines()) for package in PACKAGES for file in files_of(package)}
    too_long = [
        f"{file.relative_to(ROOT)} has {length} lines"
        for file, length in lengths.items()
        if length > 400 and file.name != "errors.py"
    ]
    assert not too_long, "\n".join(too_long)


@pytest.mark.parametrize("package", ["tlv", "mycelium"])
def test_the_library_tells_type_checkers_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
