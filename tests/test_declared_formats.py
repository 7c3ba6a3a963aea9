"""Structures are declared: nobody outside of `tlv` writes a binary format by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("mycelium", "actors", "configs", "examples")

#: Whoever may, and why.
ALLOWED = {
    "mycelium/observing/attach.py": "struct timeval, of the operating system",
    "mycelium/observing/control.py": "struct ucred, of the operating system",
    "mycelium/export/tokens.py": "the bytes of a declared value, for readers in other languages",
    "mycelium/bench": "the bare primitives that messages are compared with",
}

CALLS = {
    "Struct", "pack", "pack_into", "unpack", "unpack_from", "iter_unpack", "calcsize", "dtype",
}  # fmt: skip
MODULES = {"struct", "np", "numpy"}
BASES = {"Structure", "LittleEndianStructure", "BigEndianStructure", "Union"}


def formats_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each format of `struct`, ctypes and NumPy."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "struct":
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Name) and of.id in MODULES and node.func.attr in CALLS:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                if ast.unparse(base).rpartition(".")[2] in BASES:
                    yield node.lineno, f"class {node.name}({ast.unparse(base)})"


def modules() -> Iterator[str]:
    for package in HOUSE:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix()


def is_allowed(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}/") for one in ALLOWED)


def test_structures_are_declared_not_written_by_hand() -> None:
    found = [
        f"{module}:{line}: {text}"
        for module in modules()
        if not is_allowed(module)
        for line, text in formats_in((ROOT / module).read_text(encoding="utf-8"))
    ]
    assert not found, "declare them on TLV:\n" + "\n".join(found)


@pytest.mark.parametrize("allowed", ALLOWED)
def test_whoever_may_still_does(allowed: str) -> None:
    of = [module for module in modules() if module == allowed or module.startswith(f"{allowed}/")]
    assert any(list(formats_in((ROOT / module).read_text(encoding="utf-8"))) for module in of), f"take {allowed} out"


@pytest.mark.parametrize(
    "source",
    [
        "import struct\nHEAD = struct.Struct('<IQ')",
        "import struct\nhead = struct.pack('<IQ', 1, 2)",
        "from struct import unpack_from",
        "import ctypes\nclass Head(ctypes.LittleEndianStructure): ...",
        "import numpy as np\nrow = np.dtype([('price', '<i8')])",
    ],
)
def test_a_format_by_hand_is_found(source: str) -> None:
    assert list(formats_in(source))


def test_a_declaration_is_none() -> None:
    assert not list(formats_in("from tlv import TLV, u64\nclass Head(TLV):\n    size: u64"))
