"""What `mycelium run` shows of several nodes while they run, and how it knows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from mycelium import resolve
from mycelium.cli.live_nodes import NodesLines, NodesTable
from mycelium.cluster.process import NodeProcess
from mycelium.cluster.watching import NodeStanding, NodesWatch
from mycelium.observing.adding import report_of
from mycelium.observing.attach import attach
from tests.nodes_at_rest import NodesAtRest, topology
from tests.watched_node import runtime_directory


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("mycelium.cluster.watching.ANSWER_S", 60.0)
    with runtime_directory(monkeypatch) as made:
        yield made


def process(name: str, pid: int | None, **known: Any) -> NodeProcess:
    """A node as its launcher knows it."""
    usual = {"due_at": None, "report": None, "failure": None, "deaths": 0}
    running = None if pid is None else SimpleNamespace(pid=pid)
    return cast(NodeProcess, SimpleNamespace(**{**usual, "name": name, "process": running, **known}))


def standings(watch: NodesWatch) -> dict[str, NodeStanding]:
    watch.look()
    return {node.name: node for node in watch.standings()}


def test_a_node_starts_runs_dies_comes_back_and_ends() -> None:
    here = os.getpid()
    known: dict[str, NodeProcess] = {}
    watch = NodesWatch(resolve(topology()), lambda: known)
    assert standings(watch) == {}
    assert watch.report().state == "starting"
    known["books"] = process("books", here)
    assert standings(watch)["books"] == NodeStanding("books", "starting", pid=here)
    with NodesAtRest():
        known |= {"desk": process("desk", here), "feeds": process("feeds", here)}
        seen = standings(watch)
        assert list(seen) == ["feeds", "books", "desk"]
        assert {node.state for node in seen.values()} == {"running"}
        assert (seen["books"].handled, seen["books"].resident_bytes > 0) == (1, True)
        report = watch.report()
        assert (report.state, report.total.sent, report.total.handled) == ("running", 2, 2)
        with attach("apart.desk") as desk:
            ended = report_of(desk.look())
        known["books"] = process("books", None, due_at=1.0, deaths=1)
        known["desk"] = process("desk", None, report=ended)
        seen = standings(watch)
        assert seen["books"] == NodeStanding("books", "restarting", deaths=1, handled=1)
        assert seen["desk"].state == "ended"
        assert watch.report().state == "running"
        known["books"] = process("books", None, failure=object(), deaths=4)
        assert standings(watch)["books"].state == "died"
    assert standings(watch)["feeds"].state == "starting", "nobody listens there any more"


@pytest.fixture
def watch() -> NodesWatch:
    """One that has seen a node of each kind."""
    watch = NodesWatch(resolve(topology()), dict)
    watch._standings = (
        NodeStanding("feeds", "running", pid=12, handled=1_234, in_flight=5, resident_bytes=50_000_000),
        NodeStanding("books", "restarting", deaths=2, handled=17),
        NodeStanding("d" * 60, "starting", pid=13),
    )
    return watch


def test_the_table_has_a_row_for_each_node(watch: NodesWatch) -> None:
    table = NodesTable(watch)
    for width in (100, 160):
        console = Console(width=width, color_system=None, highlight=False)
        table._live = cast(Any, SimpleNamespace(console=console))
        with console.capture() as captured:
            console.print(table._picture(watch.report()))
        rows = [line.split() for line in captured.get().splitlines()]
        assert ["feeds", "running", ".", "12", "1,234", "5", "50.0", "MB"] in rows
        assert ["books", "restarting", "2", "17", "."] in rows
        assert [row[1] for row in rows if row and re.fullmatch("d+…d+", row[0])] == ["starting"]
        assert rows[0][:2] == ["apart", "running,"]


def test_a_line_names_the_nodes_that_do_something_else(watch: NodesWatch) -> None:
    parts = NodesLines(watch).parts_of(watch.report())
    assert parts[0].endswith("running")
    assert "books restarting" in parts
    assert not any(part.startswith("feeds") for part in parts)
