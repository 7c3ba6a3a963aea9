"""The bench of heap blocks runs what it says, and tells what is missing. Its figures are for a quiet hour: valgrind takes its time."""

from __future__ import annotations

import shutil

import pytest

from benches import heap
from benches.heap import OPERATIONS, Blocks, blocks_of, table


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_runs(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["heap", "1000"])
    names: dict[str, object] = {}
    exec(heap._BEFORE + OPERATIONS[operation], names)
    assert names["count"] == 1000


def test_without_valgrind_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt install valgrind"):
        blocks_of("construct")


def test_the_table_is_markdown() -> None:
    assert table([Blocks("construct", 0.0, 0.25)]).splitlines()[-1] == "| construct | 0.0000 | 0.25 |"
