"""A node that is one of several: it runs its part of a topology, joined to the others by a link.

Which actor stops when is settled without anybody who decides for all: each actor ends when those that send to
it have, wherever they run. A source that is exhausted ends; with it end its streams; who gets nothing more ends
too, and so on down the stream, from node to node.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pykka

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.ledger.ledger import Counted, wait_until_quiet
from mycelium.ledger.report import ActorFailure, Report
from mycelium.link.link import Link
from mycelium.remote.links import NodeLinks
from mycelium.remote.wiring import PATIENCE_S, SPARE_S, Wiring
from mycelium.routing.router import connect
from mycelium.topology import ResolvedTopology, Topology, resolve
from mycelium.topology.nodes import part_of

from .lookup import ref_here
from .node import _SLICE_S, Node, Tick

if TYPE_CHECKING:
    from mycelium.actor.ref import ActorRef
    from mycelium.remote.outlet import Outlet

__all__ = ["JoinedNode"]


class JoinedNode(Node):
    """Runs the actors that a topology places on ``node``, and exchanges messages with its other nodes over ``link``.

    ::

        with IpcLink() as link, JoinedNode(Topology.load("cluster.toml"), "books", link) as node:
            node.wait()

    One link joins it to all, or `NodeLinks` give it one for each kind that the topology asks for; either stays
    the caller's to close. ``patience_s`` is how long it waits for a peer that is not ready yet,
    or that has gone. ``is_over`` says of a node that is not there whether it has ended: one that was started again
    does not wait for those that went meanwhile. ``stop_s`` is how long, once it is to stop, it goes on with what others send: by default
    as long as they do. After that it handles what it has, and what still comes is dead letters. Other options are those of `Node`. Raises `NodeUnknownError`; its start raises
    `PeerSilentError`, `PeerMismatchError` and `PeerFailedError` besides. When what joins it to a peer fails for good, it stops, and reports that.
    """

    def __init__(
        self,
        topology: Topology | ResolvedTopology,
        node: str,
        link: Link | NodeLinks,
        *,
        patience_s: float = PATIENCE_S,
        stall_s: float = 30.0,
        drain_s: float = 30.0,
        stop_s: float = math.inf,
        trace_every: int = 0,
        is_over: Callable[[str], bool] = lambda node: False,
    ) -> None:
        whole = resolve(topology) if isinstance(topology, Topology) else topology
        part = part_of(whole, node)
        super().__init__(part.topology, stall_s=stall_s, drain_s=drain_s, trace_every=trace_every)
        self.name = f"{whole.name}.{node}"
        self.node = node
        self.places = {name: whole.nodes[name].host for name in whole.running_nodes}
        self._retired: set[str] = set()
        self._stop_s = stop_s
        self._takes_until = math.inf
        self._ends_by_itself = any(issubclass(actor.actor_class, Source) for actor in whole.actors.values())
        self._wiring = Wiring(part, whole, _to_each(link), patience_s=patience_s, is_over=is_over, opened=self._count)

    @property
    def refs(self) -> dict[str, pykka.ActorRef[Actor]]:
        """The refs of all actors of the topology by instance name, on whichever node they run."""
        return dict(self._wiring.directory.refs())

    def report(self) -> Report:
        """What happened on this node so far; with what went over its streams."""
        report = super().report()
        lost = tuple(
            ActorFailure(f"node {self.node}", type(problem).__name__, str(problem)) for problem in self._wiring.problems
        )
        return replace(report, streams=tuple(self._wiring.counts()), failures=(*report.failures, *lost))

    def abort(self) -> None:
        """Stop at once, as `Node.abort`; what was on its way is lost."""
        super().abort()
        self._wiring.close()

    def _ref_of(self, asking: str, name: str) -> ActorRef[Any]:
        whole = self._wiring.directory.whole
        if name in self._actors or name not in whole.actors or not self._actors:
            return ref_here(self._actors, whole, asking, name)
        return self._wiring.directory.remote(name)

    def _count(self, outlet: Outlet) -> None:
        self._ledger.add(outlet)

    def _connect(self) -> Sequence[Counted]:
        connect(self._actors, self.topology.plan, self._wiring.outlets)
        try:
            self._wiring.open(self._actors)
        except BaseException:
            self._wiring.close()
            raise
        return (*self._actors.values(), *self._wiring.outlets)

    def _await_receivers(self) -> None:
        self._wiring.tell_ready()
        self._wiring.await_receivers(lambda: self._stop_requested)

    def _is_finished(self, timeout: float) -> bool:
        """Whether everybody here has ended; those to whom nothing comes any more are told to, on the way."""
        self._wiring.look()
        if self._wiring.failed:
            self.request_stop()
        deadline = time.monotonic() + timeout

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        groups = self.topology.plan.groups
        served = [group for group in groups if not self._only_serves(group[0])]
        # What these said has arrived before others hear that they will say no more.
        if not (self._have_ended(served, left) and self._wiring.wait_drained(left())):
            return False
        self._wiring.tell_rest()
        return self._have_ended([group for group in groups if group not in served], left) and self._wiring.wait_drained(
            left()
        )

    def _have_ended(self, groups: Iterable[tuple[str, ...]], left: Callable[[], float]) -> bool:
        for group in groups:
            if not all(self._is_fed_up(name, left()) for name in group):
                return False
            if len(group) > 1 and not wait_until_quiet([self._actors[name] for name in group], left()):
                return False
            for name in group:
                if not self._actors[name].ended.is_set():
                    self._retire(name)
                    if not self._actors[name].ended.wait(left()):
                        return False
                self._wiring.end(name)
        return True

    def _is_fed_up(self, name: str, timeout: float) -> bool:
        """Whether this actor has nothing more to do: its source is exhausted, or nobody sends to it any more."""
        actor = self._actors[name]
        if actor.ended.is_set():
            return True
        if isinstance(actor, Source):
            return actor.finished.wait(timeout)
        if self._has_senders(name):
            return self._wiring.wait_fed_up(name, timeout)
        if self._only_serves(name):
            return self._wiring.wait_others_rest(timeout)
        # To whom nobody sends (it has timers) ends with the sources of its node.
        sources = [one for one in self._actors.values() if isinstance(one, Source)]
        if sources:
            return all(source.finished.wait(timeout) for source in sources)
        return actor.ended.wait(timeout)

    def _only_serves(self, name: str) -> bool:
        """Whether it is only told and asked: it ends when all others of the topology have, where that has a source."""
        sends = any(edge.sender == name for edge in self.topology.plan.edges) or any(
            stream.sender == name for stream in self._wiring.part.outbound
        )
        return self._ends_by_itself and not (sends or isinstance(self._actors[name], Source) or self._has_senders(name))

    def _has_senders(self, name: str) -> bool:
        return any(edge.receiver == name for edge in self.topology.plan.edges) or any(
            stream.receiver == name for stream in self._wiring.part.inbound
        )

    def _retire(self, name: str) -> None:
        if name not in self._retired:
            self._retired.add(name)
            self._tell_stop(name)

    def _await_senders(self, name: str, tick: Tick | None) -> None:
        """As long as something moves, for ``stop_s`` at most; where only this node was told to stop, its senders go on."""
        mailbox = self._actors[name].mailbox
        if not mailbox.started:
            mailbox.close()  # the stop came before its start: who sends to it is not to wait for room
        moved = self._handled()
        moved_at = time.monotonic()
        self._takes_until = min(self._takes_until, moved_at + self._stop_s)
        while not self._wiring.wait_fed_up(name, _SLICE_S, stopping=True) and time.monotonic() < self._takes_until:
            self._check_abort()
            if tick is not None:
                tick()
            self._end_pauses()
            handled = self._handled()
            if handled != moved:
                moved, moved_at = handled, time.monotonic()
            elif time.monotonic() - moved_at >= self._drain_s:
                return

    def _end_streams(self, name: str) -> None:
        self._wiring.end(name)

    def _leave(self, tick: Tick | None) -> None:
        deadline = time.monotonic() + self._drain_s
        while not self._wiring.wait_drained(_SLICE_S, stopping=True) and time.monotonic() < deadline:
            self._check_abort()
            if tick is not None:
                tick()
        # Senders that go on do not say goodbye.
        self._wiring.leave(self._drain_s if time.monotonic() < self._takes_until else SPARE_S)


def _to_each(link: Link | NodeLinks) -> Callable[[str], Link]:
    return link.to if isinstance(link, NodeLinks) else lambda peer: link
