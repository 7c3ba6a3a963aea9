"""How much code the 17 market-data messages take: declared, and written by hand with `struct` and slots.

Run it: ``python benches/boilerplate.py``

Logical lines are counted: statements, without imports, docstrings and lists of names. Declarations carry a unit, a source and a
description of each field beside; what is written by hand does not. Both give the same bytes and hold the same rules
(`tests/test_by_hand.py`), but only the declared ones are also read in place, shown, compared by digest, and columns.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Row", "count", "rows", "table"]

ROOT = Path(__file__).resolve().parent.parent
DECLARED = (ROOT / "tlv/market_data.py",)
BY_HAND = tuple(sorted((ROOT / "benches/by_hand").glob("[!_]*.py")))


class Row(NamedTuple):
    """Logical lines of one message, or of all; and its lines of code as the formatter lays them out."""

    name: str
    declared: int
    by_hand: int
    declared_lines: int
    by_hand_lines: int

    @property
    def ratio(self) -> float:
        """Declared for each line by hand."""
        return self.declared / self.by_hand


def count(node: ast.AST) -> int:
    """The logical lines of a class or module."""
    return sum(isinstance(one, ast.stmt) and not _is_left_out(one) for one in ast.walk(node)) - isinstance(
        node, ast.ClassDef
    )


def _is_left_out(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(statement).partition("=")[0]


def lines_of(node: ast.AST, source: str) -> int:
    """The lines of a class or module in which there is code."""
    text = source if isinstance(node, ast.Module) else ast.get_source_segment(source, node) or ""
    left_out = sum(
        (one.end_lineno or 0) - one.lineno + 1
        for one in ast.walk(node)
        if isinstance(one, ast.stmt) and _is_left_out(one)
    )
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in text.splitlines()) - left_out


def _classes(files: Iterable[Path]) -> dict[str, tuple[int, int]]:
    found = {}
    for file in files:
        source = file.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = count(node) + 1, lines_of(node, source)
    return found


def _all(files: Iterable[Path]) -> tuple[int, int]:
    sources = [file.read_text(encoding="utf-8") for file in files]
    trees = [ast.parse(source) for source in sources]
    return sum(map(count, trees)), sum(map(lines_of, trees, sources))


def rows() -> list[Row]:
    """Each message, then all of both ways with what they share."""
    declared, by_hand = _classes(DECLARED), _classes(BY_HAND)
    found = [(name, declared[name], by_hand[name.removesuffix("TLV")]) for name in declared if name.endswith("TLV")]
    found.append(("all, with what they share", _all(DECLARED), _all(BY_HAND)))
    return [Row(name, ours[0], theirs[0], ours[1], theirs[1]) for name, ours, theirs in found]


def table(found: Iterable[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| message | declared | by hand | | lines of code |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.declared} | {row.by_hand} | {row.ratio:.2f} | {row.declared_lines} to {row.by_hand_lines} |"
        for row in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{table(rows())}\n")
