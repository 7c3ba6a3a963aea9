"""A node to look at, and a directory of its own for its control socket."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mycelium import Actor, Node, Source, Topology, handles
from tlv import TLV, i64

DEADLINE = 30.0
COUNT = 100


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class Ticks(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        for number in range(COUNT):
            yield Tick(number=number)


class Adder(Actor, receives=Tick, emits=Sum):
    def __init__(self) -> None:
        super().__init__()
        self.sum = 0

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.sum += tick.number
        self.emit(Sum(number=self.sum))


class Board(Actor, receives=Sum):
    """Handles the last sum when it is let; breaks where it is told directly."""

    def __init__(self) -> None:
        super().__init__()
        self.at_last = threading.Event()
        self.let = threading.Event()

    @handles
    def on_sum(self, total: Sum) -> None:
        if total.number < 0:
            raise LookupError("a negative sum")
        if total.number == sum(range(COUNT)):
            self.at_last.set()
            assert self.let.wait(DEADLINE)


def topology(name: str = "sums") -> Topology:
    return Topology(name=name, actors={"ticks": Ticks, "adder": Adder, "board": Board}, slow_handler_ms=0)


@contextmanager
def node_at_rest(name: str = "sums") -> Iterator[tuple[Node, Board]]:
    """A node whose board holds the last message in its hand, and that moves no more until that is let."""
    node = Node(topology(name))
    with node:
        board = node._actors["board"]
        assert isinstance(board, Board)
        try:
            assert board.at_last.wait(DEADLINE)
            yield node, board
        finally:
            board.let.set()


@contextmanager
def runtime_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path: a socket has room for about a hundred bytes, and that of tmp_path may be longer."""
    with tempfile.TemporaryDirectory(prefix="myc") as place:
        directory = Path(place, "run")
        monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(directory))
        yield directory
