"""``mycelium run`` of a topology with several nodes: all of them as processes, or one of them here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from mycelium.errors.cluster import NodesNotNeededError
from mycelium.node.node import Node
from mycelium.report import Report
from mycelium.topology import ResolvedTopology

__all__ = ["joined_node", "launch_all"]


def launch_all(topology: ResolvedTopology, arguments: Sequence[str], *, debug: bool, silent: bool) -> Report:
    """Run every node in a process of its own, with these arguments of `mycelium run`; the report of all."""
    from mycelium.cluster.launcher import Launcher

    def command(node: str, folder: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "mycelium", *(["--debug"] if debug else []), "run"),
            *(*arguments, "--node", node, "--launched", str(folder)),
            *(["--console-log"] if sys.stderr.isatty() else []),
        ]

    return Launcher(topology, command, tell=None if silent else lambda note: click.echo(note, err=True)).run()


@contextmanager
def joined_node(topology: ResolvedTopology, node: str, *, trace_every: int, launched: Path | None) -> Iterator[Node]:
    """One node of the topology, to be run here. Raises `NodesNotNeededError` and `NodeUnknownError`."""
    if not topology.nodes:
        raise NodesNotNeededError(topology=topology.name, node=node)
    from mycelium.link.ipc import IpcLink
    from mycelium.node.joined import JoinedNode

    with IpcLink() as link:
        if launched is None:
            yield JoinedNode(topology, node, link, trace_every=trace_every)
            return
        from mycelium.cluster.launched import has_reported, stop_with_launcher

        joined = JoinedNode(topology, node, link, trace_every=trace_every, is_over=partial(has_reported, launched))
        stop_with_launcher(joined, launched)
        yield joined
