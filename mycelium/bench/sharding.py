"""The contest over copies of an actor: what a second process is worth where a handler has work to do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from .contest import Contest, Contestant
from .footprint import output_of
from .shard_actors import seconds_of

__all__ = ["APART", "BESIDE", "ONE_PROCESS", "sharding"]

ONE_PROCESS = "one actor, one process"
APART = "two copies in two processes, source apart"
BESIDE = "two copies in two processes, source beside the first"

#: What a handler does with each message, in seconds.
_WORK_S = 5e-6

_RUN = "from mycelium.cli import main\nmain()"

_TOPOLOGY = """\
[topology]
name = "shards"
{nodes}
[actors.markets]
class = "mycelium.bench.shard_actors:Markets"
config = {{ trades = {trades} }}
{source}
[actors.worker]
class = "mycelium.bench.shard_actors:Worker"
config = {{ loops = {loops}, folder = "." }}
{workers}
"""

_COPIES = 'node = ["a", "b"]\ninstances = 2\nshard_by = "venue_id"\n'


@dataclass(frozen=True, slots=True)
class _Layout:
    """Nodes, where the source is, and where the workers are."""

    nodes: str = ""
    source: str = ""
    workers: str = ""


_LAYOUTS = {
    ONE_PROCESS: _Layout(),
    BESIDE: _Layout("[nodes.a]\n\n[nodes.b]\n", 'node = "a"\n', _COPIES),
    APART: _Layout("[nodes.feed]\n\n[nodes.a]\n\n[nodes.b]\n", 'node = "feed"\n', _COPIES),
}


def sharding() -> Contest:
    """A handler that does 5 us of work, in one process and in two."""
    return Contest(
        name="sharding",
        question="What does a message cost whose handler does 5 us of work, in one process, and divided by key between two?",
        contestants=(_contestant(APART), _contestant(BESIDE), _contestant(ONE_PROCESS)),
        references=(ONE_PROCESS,),
        count=200_000,
        rounds=3,
        note="from the first message that a worker handles to the end of the last worker. The source is on a node of its own, "
        "or on that of the first copy; what is on another node is fed over shared memory. Ideal on two cores is 2, less "
        "what the way there costs",
    )


def _contestant(name: str) -> Contestant:
    layout = _LAYOUTS[name]
    needs = "iceoryx2" if layout.nodes else ""
    return Contestant(name, lambda: lambda count: _worked(count, layout), ours=True, needs=needs)


def _worked(count: int, layout: _Layout) -> tuple[float]:
    with TemporaryDirectory(prefix="mycelium-bench-") as directory:
        topology = Path(directory, "shards.toml")
        topology.write_text(
            _TOPOLOGY.format(
                trades=count, loops=_loops(), nodes=layout.nodes, source=layout.source, workers=layout.workers
            ),
            encoding="utf-8",
        )
        output_of(_RUN, "run", str(topology), "--json", directory=directory)
        return (seconds_of(Path(directory), count) / count,)


def _loops() -> int:
    """How many empty loops take the time of the work here: by the quickest of some trials."""
    trial = 20_000

    def timed() -> float:
        began = perf_counter()
        for _ in repeat(None, trial):
            pass
        return perf_counter() - began

    return max(1, round(_WORK_S * trial / min(timed() for _ in range(20))))
