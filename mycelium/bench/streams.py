"""The contests over streams: what a message costs from an actor on one node to an actor on another, and how long one takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory

from .asking import P50, P99
from .contest import Contest, Contestant
from .links import PIPE, WAITING, ZMQ, counted_by_zmq, echoed, echoed_by_pipe

__all__ = ["NODES", "streams", "streams_paced"]

NODES = "mycelium, from node to node"


def streams() -> Contest:
    """From a source to a handler that reads two fields."""
    return Contest(
        name="streams",
        question="What does a message cost from an actor of one process to an actor of another?",
        contestants=(
            Contestant(NODES, lambda: partial(_between_nodes, "count"), ours=True, needs="iceoryx2"),
            Contestant(ZMQ, lambda: counted_by_zmq, needs="zmq", fewer=10),
        ),
        references=(ZMQ,),
        count=2_000_000,
        rounds=5,
        note="from the first message to the last, by the clock of who receives; counted, bounded and in order, over shared "
        "memory; pyzmq sends bare messages one by one to a loop",
    )


def streams_paced() -> Contest:
    """One message at a time, a millisecond apart."""
    return Contest(
        name="streams_paced",
        question="How long does a single message take from an actor of one process to an actor of another?",
        contestants=(
            Contestant(NODES, lambda: partial(_between_nodes, "pace"), ours=True, needs="iceoryx2"),
            Contestant(WAITING, lambda: partial(echoed, "ipc", 0), ours=True, needs="iceoryx2"),
            Contestant(PIPE, lambda: echoed_by_pipe),
        ),
        references=(PIPE,),
        figures=(P50, P99),
        count=1_000,
        rounds=5,
        note="nodes: one way, 1,000 a second, from the emit to the handler, through four threads; the others: half the time "
        "there and back of 64 bytes, between two threads",
    )


@contextmanager
def _other_node(directory: str, work: str, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mycelium.bench.stream_peer", directory, work, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:  # noqa: S603 - this interpreter
        try:
            yield peer
        finally:
            peer.kill()


def _between_nodes(work: str, count: int) -> tuple[float, ...]:
    from .stream_peer import NEAR, run_node

    with TemporaryDirectory(prefix="lnk") as directory, _other_node(directory, work, count) as peer:
        run_node(NEAR, directory, work, count)
        told, _ = peer.communicate()
    figures = tuple(map(float, told.split()))
    return (figures[0] / count,) if work == "count" else figures
