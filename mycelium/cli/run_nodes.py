"""``mycelium run`` of a topology with several nodes: all of them as processes, or one of them here."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import click

from mycelium.errors.cluster import NodesNotNeededError, NoNodeHereError, TopologyRunningError
from mycelium.errors.observing import ControlAccessError
from mycelium.ledger.report import Report
from mycelium.node.node import Node
from mycelium.observing.places import name_of_socket, running_nodes
from mycelium.topology import ResolvedTopology

__all__ = ["joined_node", "launch_all", "nodes_of_this_host"]

#: How long nodes of an earlier run may take to end; in seconds.
ENDING_S = 5.0


def launch_all(
    topology: ResolvedTopology, arguments: Sequence[str], *, all_here: str | None, debug: bool, silent: bool
) -> Report:
    """Run the nodes of this host, each in a process of its own, with these arguments of `mycelium run`; the report of all.

    ``all_here`` is how those of other hosts run here, too. Raises `NoNodeHereError`, `NamespacesError`, `LinkExtraError` and
    `TopologyRunningError`.
    """
    from mycelium.cluster.launcher import Launcher
    from mycelium.remote.links import check_packages

    here = topology.running_nodes if all_here else nodes_of_this_host(topology)
    check_packages(topology, here)
    _await_free(topology, here)
    elsewhere = [node for node in topology.running_nodes if node not in here]
    if elsewhere and not silent:
        click.echo(f"on other hosts, to be started there: {', '.join(elsewhere)}", err=True)

    prefixes: dict[str, tuple[str, ...]] = {}

    def command(node: str, folder: Path) -> list[str]:
        return [
            *prefixes.get(node, ()),
            *(sys.executable, "-m", "mycelium", *(["--debug"] if debug else []), "run"),
            *(*arguments, "--node", node, "--launched", str(folder)),
            *(["--console-log"] if sys.stderr.isatty() else []),
        ]

    with ExitStack() as open_ends:
        if all_here == "namespaces":
            from mycelium.cluster.namespaces import Namespaces

            hosts = {node: topology.nodes[node].host for node in here}
            namespaces = open_ends.enter_context(Namespaces(hosts))
            prefixes.update({node: namespaces.entered_by(host) for node, host in hosts.items()})
        if silent:
            return Launcher(topology, command, nodes=here).run()
        from mycelium.cluster.watching import NodesWatch

        from .live_nodes import view_of_nodes

        watch = NodesWatch(topology, lambda: launcher.nodes)
        view = view_of_nodes(watch)
        launcher = Launcher(topology, command, nodes=here, tell=view.tell)
        open_ends.enter_context(watch)
        open_ends.enter_context(view)
        return launcher.run(view.show)


def _await_free(topology: ResolvedTopology, nodes: Sequence[str]) -> None:
    """See that none of these nodes runs already; those of a run that was just killed may be about to end."""
    wanted = {name_of_socket(f"{topology.name}.{node}") for node in nodes}
    deadline = time.monotonic() + ENDING_S
    with suppress(ControlAccessError):  # each node will tell of that
        while running := [place for place in running_nodes() if place.name in wanted]:
            if time.monotonic() >= deadline:
                raise TopologyRunningError(topology=topology.name, nodes=", ".join(map(str, running)))
            time.sleep(0.1)


#: How long a node that was started by itself, and is told to stop, takes what others send: whoever kills gives it 90 seconds in all.
STOP_S = 30.0


def nodes_of_this_host(topology: ResolvedTopology) -> tuple[str, ...]:
    """The nodes that are to run on the host on which this runs. Raises `NoNodeHereError` where there are none."""
    from mycelium.link.choose import is_this_host

    places = {node: topology.nodes[node].host for node in topology.running_nodes}
    here = tuple(node for node, host in places.items() if is_this_host(host))
    if not here:
        hosts = ", ".join(f"{node} on {host}" for node, host in places.items())
        raise NoNodeHereError(topology=topology.name, host=socket.gethostname(), hosts=hosts)
    return here


@contextmanager
def joined_node(topology: ResolvedTopology, node: str, *, trace_every: int, launched: Path | None) -> Iterator[Node]:
    """One node of the topology, to be run here. Raises `NodesNotNeededError`, `NodeUnknownError` and `LinkError`."""
    if not topology.nodes:
        raise NodesNotNeededError(topology=topology.name, node=node)
    from mycelium.node.joined import JoinedNode
    from mycelium.remote.links import NodeLinks, check_packages

    with NodeLinks(topology, node) as links:
        check_packages(topology, [node])
        if launched is None:
            yield JoinedNode(topology, node, links, trace_every=trace_every, stop_s=STOP_S)
            return
        from mycelium.cluster.launched import has_reported, stop_with_launcher

        joined = JoinedNode(topology, node, links, trace_every=trace_every, is_over=partial(has_reported, launched))
        stop_with_launcher(joined, launched)
        yield joined
