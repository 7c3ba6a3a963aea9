"""The contest over copies of an actor: what a second process is worth where a handler has work to do."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from .contest import Contest, Contestant
from .footprint import output_of
from .shard_actors import seconds_of

__all__ = ["ONE_PROCESS", "TWO_PROCESSES", "sharding"]

ONE_PROCESS = "one actor, one process"
TWO_PROCESSES = "two copies, two processes"

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
{first}
[actors.worker]
class = "mycelium.bench.shard_actors:Worker"
config = {{ loops = {loops}, folder = "." }}
{both}
"""


def sharding() -> Contest:
    """A handler that does 5 us of work, in one process and in two."""
    return Contest(
        name="sharding",
        question="What does a message cost whose handler does 5 us of work, in one process, and divided by key between two?",
        contestants=(
            Contestant(TWO_PROCESSES, lambda: lambda count: _worked(count, nodes=2), ours=True, needs="iceoryx2"),
            Contestant(ONE_PROCESS, lambda: lambda count: _worked(count, nodes=1), ours=True),
        ),
        references=(ONE_PROCESS,),
        count=200_000,
        rounds=3,
        note="from the first message that a worker handles to the end of the last worker; the source is in the process of the "
        "first copy, and the other one is fed over shared memory. Ideal on two cores is 2, less what the way there costs",
    )


def _worked(count: int, nodes: int) -> tuple[float]:
    with TemporaryDirectory(prefix="mycelium-bench-") as directory:
        topology = Path(directory, "shards.toml")
        topology.write_text(_topology(count, nodes), encoding="utf-8")
        output_of(_RUN, "run", str(topology), "--json", directory=directory)
        return (seconds_of(Path(directory), count) / count,)


def _topology(count: int, nodes: int) -> str:
    apart = nodes > 1
    return _TOPOLOGY.format(
        trades=count,
        loops=_loops(),
        nodes="\n[nodes.a]\n\n[nodes.b]\n" if apart else "",
        first='node = "a"\n' if apart else "",
        both='node = ["a", "b"]\ninstances = 2\nshard_by = "venue_id"\n' if apart else "",
    )


def _loops() -> int:
    """How many empty loops take the time of the work here: by the quickest of some trials."""
    trial = 20_000

    def timed() -> float:
        began = perf_counter()
        for _ in repeat(None, trial):
            pass
        return perf_counter() - began

    return max(1, round(_WORK_S * trial / min(timed() for _ in range(20))))
