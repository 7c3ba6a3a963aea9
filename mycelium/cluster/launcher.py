"""The launcher: starts every node of a topology as a process of this host, watches them, and adds up what they report.

Nodes are started anew, never forked. Each has a pipe from the launcher as its stdin, on which nothing is ever
sent: when it closes, the launcher is gone, and the node stops. So no node outlives its launcher, however that
was ended. A node that dies is started again after a pause; one that dies too often ends the whole.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from mycelium.imports.light_structlog import structlog
from mycelium.ledger.report import Report
from mycelium.topology import ResolvedTopology

from .folder import run_folder
from .lines import Lines
from .merging import merge_reports
from .process import NodeProcess

__all__ = ["Launcher"]

#: How long nodes that were told to stop at once may take; in seconds.
KILL_S = 10.0
_LOOK_S = 0.1
#: How often what nodes that have ended left in their pipes is read: a pipe holds 1 MiB at most, but a process of theirs may
#: go on printing. However long it takes: a slow launcher loses nothing.
_REST_READS = 64


class Launcher:
    """Runs all nodes of ``topology``; ``command`` gives the command line of one, by its name and the folder for its report.

    ``nodes`` are those to start, all by default: others run elsewhere. ``out`` and ``err`` take what the nodes print and log, line by line; ``tell`` takes a note for the user.
    """

    def __init__(
        self,
        topology: ResolvedTopology,
        command: Callable[[str, Path], Sequence[str]],
        *,
        nodes: Sequence[str] | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.topology = topology
        self._command = command
        self._names = topology.running_nodes if nodes is None else tuple(nodes)
        self._out = out
        self._err = err
        self._nodes: dict[str, NodeProcess] = {}
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._passed_on = 0
        self._cut_at: float | None = None
        self._tell = tell or (lambda note: None)
        self._show: Callable[[], None] | None = None
        self._unseen: Exception | None = None
        self._log = structlog.get_logger(node=topology.name)

    @property
    def nodes(self) -> Mapping[str, NodeProcess]:
        """The nodes, as they are now; those that were started."""
        return self._nodes.copy()

    def run(self, show: Callable[[], None] | None = None) -> Report:
        """Start all nodes, wait until they have ended, and add up their reports.

        The first SIGINT, SIGTERM or SIGHUP has them stop in order, the second one at once. ``show`` is called on the
        way, again and again; where it raises, nobody looks any more: the nodes stop in order, and then it is raised.
        """
        self._show = show
        began_at = time.monotonic()
        with ExitStack() as open_ends:
            folder = open_ends.enter_context(run_folder())
            open_ends.enter_context(self._catching_signals())
            open_ends.callback(self._selector.close)
            open_ends.callback(self._kill_all)
            for name in self._start_order():
                spec = self.topology.nodes[name]
                self._nodes[name] = NodeProcess(name, self._command(name, folder), folder, spec.restarts)
                self._start(self._nodes[name])
            while not all(node.over for node in self._nodes.values()):
                self._step()
                self._show_them()
            for _ in range(_REST_READS):
                if not self._pass_output(0.0):
                    break  # a line without an end is passed on with the end of its pipe
        if self._unseen is not None:
            raise self._unseen
        return self._merged(time.monotonic() - began_at)

    def _show_them(self) -> None:
        if self._show is None:
            return
        try:
            self._show()
        except Exception as error:  # nobody reads on (`| head -1`), or the disk is full
            self._show, self._unseen = None, error
            self._signals = max(self._signals, 1)

    def _start_order(self) -> tuple[str, ...]:
        """Downstream first, as far as that can be said of nodes."""
        places = {name: actor.node for name, actor in self.topology.actors.items()}
        order = dict.fromkeys(places[name] for name in self.topology.start_order)
        return tuple(node for node in order if node in self._names)

    def _start(self, node: NodeProcess) -> None:
        process = node.start()
        if process is None:
            self._ended(node)
            return
        # Those of this moment: a live view has others than the program began with.
        for stream, sink in ((process.stdout, self._out or sys.stdout), (process.stderr, self._err or sys.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, Lines(node.name, stream, sink))

    def _step(self) -> None:
        self._pass_output(_LOOK_S)
        self._pass_signals_on()
        for node in self._nodes.values():
            code = node.look(stopping=bool(self._passed_on), killed=self._passed_on > 1)
            if code is not None:
                self._ended(node)
            if node.due_at is not None and self._passed_on:
                node.due_at = None
            elif node.due_at is not None and time.monotonic() >= node.due_at:
                self._start(node)

    def _ended(self, node: NodeProcess) -> None:
        if node.failure is None or node.report is not None or self._passed_on:
            return  # also where it died before, was started again, and has now been told to stop
        if node.due_at is not None:
            self._log.warning("node died, and is started again", died=node.name, deaths=node.deaths)
            return
        self._log.error("node died; all others stop", died=node.name, deaths=node.deaths)
        self._signals = max(self._signals, 1)

    def _pass_output(self, seconds: float) -> bool:
        """Pass on what the nodes have printed; whether there was anything."""
        found = self._selector.select(seconds)
        for key, _ in found:
            if not key.data.forward():
                self._selector.unregister(key.fileobj)
                key.data.stream.close()
        return bool(found)

    def _pass_signals_on(self) -> None:
        while self._passed_on < min(self._signals, 2):
            self._passed_on += 1
            if self._passed_on == 1:
                self._tell("stopping when every message is handled; once more stops at once")
            for node in self._nodes.values():
                # Another one the second time: two of a kind may arrive as one.
                node.signal(signal.SIGTERM if self._passed_on == 1 else signal.SIGINT)
            if self._passed_on > 1:
                self._cut_at = time.monotonic()
        if self._cut_at is not None and (self._signals > 2 or time.monotonic() - self._cut_at >= KILL_S):
            self._kill_all()

    def _kill_all(self) -> None:
        for node in self._nodes.values():
            node.signal(signal.SIGKILL)

    @contextmanager
    def _catching_signals(self) -> Iterator[None]:
        def catch(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._signals += 1

        numbers = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
        if threading.current_thread() is not threading.main_thread():
            numbers.clear()  # Python delivers none elsewhere
        before = {
            number: signal.signal(number, catch) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _merged(self, seconds: float) -> Report:
        nodes = self._nodes.values()
        return merge_reports(
            self.topology,
            {node.name: node.report for node in nodes if node.report is not None},
            seconds=seconds,
            nodes=self._names,
            died=[node.failure for node in nodes if node.failure is not None],
            cut_short=any(node.report is None and node.failure is None and not node.never_began for node in nodes),
        )
