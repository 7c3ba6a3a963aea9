"""Traces: some messages are followed hop by hop into the log, and nothing else changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from mycelium import Actor, ActorContext, ActorSpec, Node, Source, Topology, connect, handles, plan_routes
from mycelium.cli import cli
from mycelium.logging import reset_logging
from mycelium.observing import hops as followed
from mycelium.observing.trace import Tracer
from tlv import TLV, Batch, i64

DEADLINE = 30.0
COUNT = 5


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class Ticks(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        for number in range(COUNT):
            yield Tick(number=number)


class Adder(Actor, receives=Tick, emits=Sum):
    @handles
    def on_tick(self, tick: Tick) -> None:
        self.emit(Sum(number=tick.number))
        self.emit(Sum(number=-tick.number))


class Awaiting(Actor, receives=Tick, emits=Sum, dispatcher="asyncio"):
    @handles
    async def on_tick(self, tick: Tick) -> None:
        await asyncio.sleep(0)
        self.emit(Sum(number=tick.number))


class Board(Actor, receives=Sum):
    @handles
    def on_sum(self, total: Sum) -> None: ...


class Batches(Actor, receives=Tick):
    @handles(batch=True)
    def on_ticks(self, ticks: Batch[Tick]) -> None: ...


class Breaking(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        raise LookupError


def traced(every: int, **actors: Any) -> list[dict[str, Any]]:
    """The lines about hops in the log of a run."""
    with structlog.testing.capture_logs() as lines:
        node = Node(Topology(name="sums", actors={"ticks": Ticks, **actors}), trace_every=every)
        with node:
            assert node.wait(DEADLINE)
        assert node.report().balanced
        assert node._tracer is not None
        assert not len(node._tracer._hops), "nobody waits for a hop any more"
    return [dict(line) for line in lines if "hop" in line]


def hops(lines: list[dict[str, Any]], event: str, actor: str) -> list[str]:
    return [line["hop"] for line in lines if (line["event"], line["actor"]) == (event, actor)]


@pytest.mark.parametrize("dispatcher", ["default", "pinned", "asyncio"])
def test_every_nth_message_of_a_source_is_followed_to_its_end(dispatcher: str) -> None:
    lines = traced(2, adder=ActorSpec(actor_class=Adder, dispatcher=dispatcher), board=Board)
    assert hops(lines, "emitted", "ticks") == hops(lines, "handled", "adder") == ["1", "2", "3"]
    children = ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"]
    assert hops(lines, "emitted", "adder") == hops(lines, "handled", "board") == children
    assert {line["message"] for line in lines} == {"Tick", "Sum"}
    assert next(line["to"] for line in lines if line["hop"] == "1") == ["adder"]


def test_the_times_are_those_in_the_mailbox_and_in_the_handler() -> None:
    lines = traced(1, adder=Adder)
    handled = [line for line in lines if line["event"] == "handled"]
    assert len(handled) == COUNT
    assert all(line["waited_us"] > 0 and line["took_us"] > 0 for line in handled)


def test_what_a_coroutine_emits_after_it_has_awaited_belongs_to_its_hop() -> None:
    lines = traced(1, adder=Awaiting, board=Board)
    assert hops(lines, "handled", "board") == [f"{number}.1" for number in range(1, COUNT + 1)]


def test_a_hop_has_as_many_ends_as_receivers() -> None:
    lines = traced(COUNT, one=Batches, two=Adder, three=Breaking)
    assert sorted(line["actor"] for line in lines if line["event"] == "handled") == ["one", "three", "two"]
    assert hops(lines, "emitted", "two") == ["1.1", "1.2"], "also to nobody"


def test_who_is_not_traced_pays_nothing() -> None:
    node = Node(Topology(name="sums", actors={"ticks": Ticks, "adder": Adder, "board": Board}))
    with node:
        assert node.wait(DEADLINE)
        adder = node._actors["adder"]
        assert "emit" not in vars(adder)
        assert adder._tally.cells[Tick].handle == adder.on_tick  # type: ignore[attr-defined]


def test_the_oldest_hops_are_forgotten_where_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "HOPS_MAX", 2)
    tracer = Tracer(1)
    kinds = {"ticks": Ticks, "adder": Adder}
    actors = {name: kind.create(context=ActorContext(name=name, tracer=tracer)) for name, kind in kinds.items()}
    connect(actors, plan_routes(kinds))
    actors["ticks"]._bind_handlers()
    with structlog.testing.capture_logs() as lines:
        for number in range(4):
            actors["ticks"].emit(Tick(number=number))
        actors["adder"].launch().stop(timeout=DEADLINE)
        assert hops([dict(line) for line in lines], "handled", "adder") == ["3", "4"]
    actors["ticks"].launch().stop(timeout=DEADLINE)


def test_the_command_takes_it(tmp_path: Any) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(
        "".join(
            f'[actors.{name}]\nclass = "tests.topology_actors:{kind}"\n'
            for name, kind in {"ticker": "Ticker", "tape": "Tape", "board": "Board"}.items()
        )
    )
    result = CliRunner().invoke(cli, ["run", str(file), "--trace", "50"])
    reset_logging()
    assert result.exit_code == 0, result.output
    assert result.stderr.count('"event": "emitted"') >= 2
    assert '"hop": "2"' in result.stderr
