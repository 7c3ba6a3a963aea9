"""A node: one process of a topology, from the first actor's start to the ledger's verdict. ::

    with Node(Topology.load("demo.toml")) as node:
        node.wait()
    print(node.report().verdict)

Actors start downstream first, each after the one before it has run its ``on_start``; sources come
last. They stop upstream first, each after those that send to it, so that what an actor emits while
it stops is still delivered. A node is used once, from one thread.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pykka
from pykka.messages import ProxyGetAttr

from mycelium.actor.actor import Actor
from mycelium.actor.context import ActorContext
from mycelium.actor.source import Source
from mycelium.dispatcher import declare_dispatcher
from mycelium.dispatcher.current import settle
from mycelium.dispatcher.slow import watch
from mycelium.errors.node import ActorStuckError, ImplementationFixedError, NodeStateError
from mycelium.ledger.ledger import Counted, Ledger, LedgerReading, wait_until_quiet
from mycelium.ledger.report import ActorFailure, Report
from mycelium.routing.router import Edge, connect
from mycelium.routing.spreading import emitted_to
from mycelium.topology import ResolvedActor, ResolvedTopology, Topology, resolve
from mycelium.topology.supervisors import build_supervisors
from tlv import TLV, implementation

from .lookup import ref_here
from .observe import failure_of, observe, start_error, summaries_of

if TYPE_CHECKING:
    from mycelium.actor.ref import ActorRef
    from mycelium.observing.trace import Tracer
    from mycelium.supervision import Supervisor

__all__ = ["Node"]

_SLICE_S = 0.1
_ABORT_S = 1.0

Tick = Callable[[], None]


class _AbortRequestedError(Exception):
    """Leaves the waits of `Node.stop`."""


class Node:
    """Runs a topology in this process.

    ``stall_s`` is how long an actor that has been told to stop may go without anything moving
    before it is left behind; ``drain_s`` limits the wait for actors that send to each other in a
    circle and might do so for ever. With ``trace_every``, each so many-th message of a source is logged, hop by hop.
    """

    def __init__(
        self,
        topology: Topology | ResolvedTopology,
        *,
        stall_s: float = 30.0,
        drain_s: float = 30.0,
        trace_every: int = 0,
    ) -> None:
        self.topology = resolve(topology) if isinstance(topology, Topology) else topology
        self.name = self.topology.name
        #: Which one it is, of a topology on several nodes; else empty.
        self.node = ""
        #: The nodes of such a topology, this one included, and the host of each.
        self.places: Mapping[str, str] = {}
        self._stall_s = stall_s
        self._drain_s = drain_s
        self._tracer: Tracer | None = None
        if trace_every:
            from mycelium.observing.trace import Tracer

            self._tracer = Tracer(trace_every)
        self._state = "new"
        self._stop_requested = False
        self._abort_requested = False
        self._actors: dict[str, Actor] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._stuck: list[ActorFailure] = []
        self._summaries: dict[str, str] = {}
        self._ledger = Ledger(())
        self._started_at = 0.0
        self._ended_at: float | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def state(self) -> str:
        """new, running, draining, finished, interrupted (asked to stop before its end) or aborted."""
        return self._state

    @property
    def stop_requested(self) -> bool:
        """Whether `request_stop` was called."""
        return self._stop_requested

    @property
    def refs(self) -> dict[str, pykka.ActorRef[Actor]]:
        """The refs of the actors by instance name."""
        return {name: actor.actor_ref for name, actor in self._actors.items()}

    @property
    def seconds(self) -> float:
        """How long it has run, or did run; 0 before its start."""
        now = self._ended_at if self._ended_at is not None else time.monotonic()
        return now - self._started_at if self._started_at else 0.0

    def read_ledger(self) -> LedgerReading:
        """What the ledger says now; see `Ledger.read`."""
        return self._ledger.read()

    def read_edges(self) -> Iterator[tuple[Edge, int]]:
        """How many messages went over each edge of the plan so far, by emissions."""
        emitted: Counter[tuple[str, type[TLV], str]] = Counter()
        for name, actor in tuple(self._actors.items()):
            for route in tuple(actor.mailbox.tally.routes):
                for mailbox, count in emitted_to(route):
                    emitted[name, route.message, mailbox.tally.name] += count
        return ((edge, emitted[edge.sender, edge.message, edge.receiver]) for edge in self.topology.plan.edges)

    def start(self) -> None:
        """Create all actors, connect and start them.

        Raises `ActorStartError` (or the declared error itself) when a constructor or an ``on_start``
        raises; then nothing is left running. A request to stop ends the start early. Raises
        `ImplementationFixedError` where the topology asks for another implementation of `tlv` than
        this process runs, and the environment does not overrule it.
        """
        if self._state != "new":
            raise NodeStateError(node=self.name, call="start", state=self._state)
        asked = self.topology.tlv
        if asked not in (None, implementation.running) and not os.environ.get(implementation.VARIABLE):
            raise ImplementationFixedError(node=self.name, asked=str(asked), running=implementation.running)
        watch.slow_handler_ms = self.topology.slow_handler_ms
        for name, spec in self.topology.dispatchers.items():
            declare_dispatcher(name, **dict(spec))
        self._supervisors = build_supervisors(self.topology.supervisors)
        self._actors = {name: self._create(actor) for name, actor in self.topology.actors.items()}
        self._ledger = Ledger(self._connect())
        self._state = "running"
        self._started_at = time.monotonic()
        order = self.topology.start_order
        try:
            for name in order:
                if not isinstance(self._actors[name], Source) and not self._stop_requested:
                    self._launch(name)
            self._await_receivers()
            for name in order:
                if isinstance(self._actors[name], Source) and not self._stop_requested:
                    self._launch(name)
        except BaseException:
            self.abort()
            raise

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all sources are finished and every message is handled, or a stop is requested.

        A topology without sources ends when its last actor does. False when ``timeout`` seconds
        passed before that.
        """
        if self._state == "new":
            raise NodeStateError(node=self.name, call="wait", state=self._state)
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._state == "running" and not self._stop_requested:
            left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
            if left <= 0:
                return False
            if self._is_finished(left):
                return True
        return True

    def request_stop(self) -> None:
        """Make `wait` return; safe in a signal handler. `stop` then drains."""
        self._stop_requested = True

    def request_abort(self) -> None:
        """Make `wait` return and `stop` turn into `abort`, also in the middle; safe in a signal handler."""
        self._stop_requested = self._abort_requested = True

    def stop(self, tick: Tick | None = None) -> None:
        """Stop the sources, let every message be handled, and stop the actors, upstream first.

        ``tick`` is called a few times a second while it waits. Once stopped, does nothing.
        """
        if self._state != "running":
            return
        try:
            self._drain(tick)
        except _AbortRequestedError:
            self.abort()

    def _drain(self, tick: Tick | None) -> None:
        self._check_abort()
        ended_by_itself = self._is_finished(0)
        self._state = "draining"
        sources = [name for name in self.topology.stop_order if isinstance(self._actors[name], Source)]
        for name in sources:
            self._tell_stop(name)
        for name in sources:
            self._wait_ended(name, tick)
        if self.topology.plan.cycles:
            self._wait_quiet(tick)
        for name in self.topology.stop_order:
            self._await_senders(name, tick)
            self._tell_stop(name)
            self._wait_ended(name, tick)
            self._end_streams(name)
        self._leave(tick)
        self._ended_at = time.monotonic()
        self._summaries = summaries_of(self._actors)
        self._state = "finished" if ended_by_itself else "interrupted"

    def _check_abort(self) -> None:
        if self._abort_requested:
            raise _AbortRequestedError

    def abort(self) -> None:
        """Stop at once: actors end after the messages in hand (256 at most), without a hook; the rest are dead letters.

        `on_stop` may take as long as it likes, so it does not run.
        """
        if self._state in {"new", "finished", "interrupted", "aborted"}:
            return
        self._state = "aborted"
        for name, actor in self._actors.items():
            actor.actor_ref.actor_stopped.set()
            self._tell_stop(name)
        deadline = time.monotonic() + _ABORT_S
        for actor in self._running():
            actor.ended.wait(max(0.0, deadline - time.monotonic()))
        self._ended_at = time.monotonic()

    @property
    def left_running(self) -> tuple[str, ...]:
        """Actors whose threads have not ended: those that hang in a handler after a stop."""
        return tuple(actor.name for actor in self._running()) if self._state != "new" else ()

    def report(self) -> Report:
        """What happened so far; after `stop`, what happened in all."""
        return observe(
            self.topology,
            self._actors,
            self._ledger,
            state=self._state,
            seconds=self.seconds,
            stuck=tuple(self._stuck),
            summaries=self._summaries,
        )

    # What a node that is one of several does besides.

    def _connect(self) -> Sequence[Counted]:
        """Wire the actors; those whom the ledger counts."""
        connect(self._actors, self.topology.plan)
        return tuple(self._actors.values())

    def _await_receivers(self) -> None:
        """All but the sources run: wait for those elsewhere who receive from here."""

    def _await_senders(self, name: str, tick: Tick | None) -> None:
        """Before this actor is told to stop: wait for those elsewhere who send to it."""

    def _end_streams(self, name: str) -> None:
        """This actor has ended."""

    def _leave(self, tick: Tick | None) -> None:
        """All actors have ended."""

    def _create(self, resolved: ResolvedActor) -> Actor:
        context = ActorContext(
            name=resolved.name,
            node=self.name,
            venues=self.topology.venues,
            dispatcher=resolved.dispatcher,
            interrupted=self.request_stop,
            bound=resolved.bound,
            tracer=self._tracer,
            refs=self._ref_of,
            instance=resolved.instance,
        )
        arguments = () if resolved.config is None else (resolved.config,)
        try:
            actor = resolved.actor_class.create(*arguments, context=context)
        except (Exception, SystemExit) as error:
            raise start_error(resolved.name, resolved.actor_class, error) from error
        if resolved.supervisor:
            self._supervisors[resolved.supervisor]._adopt(actor, arguments, {})
        return actor

    def _ref_of(self, asking: str, name: str) -> ActorRef[Any]:
        return ref_here(self._actors, self.topology, asking, name)

    def _launch(self, name: str) -> None:
        """Start one actor and wait until its ``on_start`` is done; a source has none to wait for it."""
        actor = self._actors[name]
        ref = actor.launch()
        if isinstance(actor, Source):
            return
        answer = ref.ask(ProxyGetAttr(attr_path=("actor_urn",)), block=False)
        while True:
            try:
                answer.get(timeout=_SLICE_S)
            except pykka.Timeout:
                if self._stop_requested:
                    return
                continue
            except pykka.ActorDeadError:
                break
            return
        actor.ended.wait(_ABORT_S)
        if actor.failure is not None:
            raise start_error(name, type(actor), actor.failure) from actor.failure

    def _is_finished(self, timeout: float) -> bool:
        """Whether everything has run out, waiting up to ``timeout`` for it."""
        settle()
        deadline = time.monotonic() + timeout
        sources = [actor for actor in self._actors.values() if isinstance(actor, Source)]
        awaited: Iterable[Actor] = sources or self._actors.values()
        for actor in awaited:
            event = actor.finished if isinstance(actor, Source) else actor.ended
            if not event.wait(max(0.0, deadline - time.monotonic())):
                return False
        return wait_until_quiet(self._actors.values(), timeout=max(0.0, deadline - time.monotonic()))

    def _running(self) -> Iterator[Actor]:
        return (actor for actor in self._actors.values() if actor.mailbox.started and not actor.ended.is_set())

    def _tell_stop(self, name: str) -> None:
        actor = self._actors[name]
        if actor.mailbox.started and actor.actor_ref.is_alive():
            actor.actor_ref.stop(block=False)

    def _wait_ended(self, name: str, tick: Tick | None) -> None:
        """Wait until the actor has ended; leave it behind when nothing moves for too long."""
        actor = self._actors[name]
        if not actor.mailbox.started or any(name == failure.actor for failure in self._stuck):
            return
        settle()
        moved = self._handled()
        moved_at = time.monotonic()
        while not actor.ended.wait(_SLICE_S):
            self._check_abort()
            if tick is not None:
                tick()
            self._end_pauses()
            handled = self._handled()
            if handled != moved:
                moved, moved_at = handled, time.monotonic()
            elif time.monotonic() - moved_at >= self._stall_s:
                error = ActorStuckError(actor=name, seconds=self._stall_s, waiting=len(actor.actor_inbox))
                actor.log.error("actor did not stop", **error.to_dict())
                self._stuck.append(ActorFailure(name, type(error).__name__, str(error)))
                actor.actor_ref.actor_stopped.set()
                return

    def _wait_quiet(self, tick: Tick | None) -> None:
        deadline = time.monotonic() + self._drain_s
        while time.monotonic() < deadline and not wait_until_quiet(self._actors.values(), timeout=_SLICE_S):
            self._check_abort()
            self._end_pauses()
            if tick is not None:
                tick()

    def _end_pauses(self) -> None:
        """While it stops, an actor that waits to be restarted is restarted at once: it has mail to handle."""
        for actor in self._actors.values():
            if actor.mailbox.paused:
                actor.mailbox.resume()

    def _handled(self) -> int:
        return sum(row.handled for row in self._ledger.read().rows)

    @property
    def failures(self) -> tuple[ActorFailure, ...]:
        """The actors that failed so far."""
        died = (failure_of(actor) for actor in self._actors.values())
        return (*(failure for failure in died if failure is not None), *self._stuck)
