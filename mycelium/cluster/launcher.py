"""The launcher: starts every node of a topology as a process of this host, watches them, and adds up what they report.

Nodes are started anew, never forked. Each has a pipe from the launcher as its stdin, on which nothing is ever
sent: when it closes, the launcher is gone, and the node stops. So no node outlives its launcher, however that
was ended. A node that dies is started again after a pause; one that dies too often ends the whole.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from types import FrameType
from typing import IO, TextIO

import structlog

from mycelium.errors.cluster import NodeDiedError
from mycelium.report import ActorFailure, Report
from mycelium.supervision.policy import Backoff
from mycelium.topology import ResolvedTopology

from .merging import merge_reports, report_from_dict

__all__ = ["Launcher"]

#: The pause before a node is started again.
BACKOFF = Backoff(first_s=0.5, factor=2.0, max_s=10.0)
#: In which restarts of a node are counted; in seconds.
WITHIN_S = 60.0
#: How long nodes that were told to stop at once may take; in seconds.
KILL_S = 10.0
#: The exit code of a node whose topology, config or input is wrong: another start would end in the same way.
_WRONG_INPUT = 2

_LOOK_S = 0.1
#: How long what nodes that have ended left in their pipes may take; a process of theirs may go on printing.
_REST_S = 1.0

_random = Random()  # noqa: S311 - so that nodes which died together do not come back together


class NodeProcess:
    """One node: its process, in each of its lives, and what comes out of it."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, restarts_max: int) -> None:
        self.name = name
        self.restarts_max = restarts_max
        self.process: subprocess.Popen[bytes] | None = None
        #: When it is to be started again.
        self.due_at: float | None = None
        self.report: Report | None = None
        self.failure: ActorFailure | None = None
        #: It was told to stop before it could have handled that: nothing has happened on it.
        self.never_began = False
        self._command = command
        self._path = folder / f"{name}.json"
        self._died_at: list[float] = []

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None

    @property
    def over(self) -> bool:
        """Whether it has ended, and is not started again."""
        return self.process is None and self.due_at is None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, in a session of its own: a Ctrl-C at the terminal is for the launcher to pass on."""
        self.due_at = None
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return self.process

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def look(self, *, stopping: bool) -> int | None:
        """Whether it has ended by now, and what follows; its exit code, or None."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
        try:
            self.report = report_from_dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            if not stopping or code == _WRONG_INPUT:
                self._die(code)
            else:
                self.never_began = code == -signal.SIGTERM
        return code

    def _die(self, code: int) -> None:
        now = time.monotonic()
        self._died_at = [*(moment for moment in self._died_at if now - moment < WITHIN_S), now]
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        error = NodeDiedError(node=self.name, how=how)
        self.failure = ActorFailure(
            f"node {self.name}", type(error).__name__, str(error), by_input=code == _WRONG_INPUT
        )
        if code != _WRONG_INPUT and len(self._died_at) <= self.restarts_max:
            self.due_at = now + BACKOFF.delay_s(len(self._died_at), _random)

    @property
    def deaths(self) -> int:
        """How often it died within the last minute."""
        return len(self._died_at)


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
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._nodes: dict[str, NodeProcess] = {}
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._passed_on = 0
        self._cut_at: float | None = None
        self._tell = tell or (lambda note: None)
        self._log = structlog.get_logger(node=topology.name)

    def run(self) -> Report:
        """Start all nodes, wait until they have ended, and add up their reports.

        The first SIGINT, SIGTERM or SIGHUP has them stop in order, the second one at once.
        """
        began_at = time.monotonic()
        with ExitStack() as open_ends:
            folder = Path(open_ends.enter_context(tempfile.TemporaryDirectory(prefix="mycelium-")))
            open_ends.enter_context(self._catching_signals())
            open_ends.callback(self._selector.close)
            open_ends.callback(self._kill_all)
            for name in self._start_order():
                spec = self.topology.nodes[name]
                self._nodes[name] = NodeProcess(name, self._command(name, folder), folder, spec.restarts)
                self._start(self._nodes[name])
            while not all(node.over for node in self._nodes.values()):
                self._step()
            until = time.monotonic() + _REST_S
            while self._pass_output(0.0) and time.monotonic() < until:
                pass  # a line without an end is passed on with the end of its pipe
        return self._merged(time.monotonic() - began_at)

    def _start_order(self) -> tuple[str, ...]:
        """Downstream first, as far as that can be said of nodes."""
        places = {name: actor.node for name, actor in self.topology.actors.items()}
        order = dict.fromkeys(places[name] for name in self.topology.start_order)
        return tuple(node for node in order if node in self._names)

    def _start(self, node: NodeProcess) -> None:
        process = node.start()
        for stream, sink in ((process.stdout, self._out), (process.stderr, self._err)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, _Lines(node.name, stream, sink))

    def _step(self) -> None:
        self._pass_output(_LOOK_S)
        self._pass_signals_on()
        for node in self._nodes.values():
            code = node.look(stopping=bool(self._passed_on))
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


class _Lines:
    """Forwards what one node prints, line by line; what is no line of a log is told to be its."""

    def __init__(self, node: str, stream: IO[bytes], sink: TextIO) -> None:
        self.stream = stream
        self._node = node
        self._sink = sink
        self._begun = b""

    def forward(self) -> bool:
        """Forward what has come; False at the end."""
        try:
            came = os.read(self.stream.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, self._begun = (self._begun + came).split(b"\n")
        if not came and self._begun:
            lines, self._begun = [self._begun], b""
        for line in lines:
            text = line.decode(errors="replace")
            # A line of JSON names its node itself.
            self._write(f"{text}\n" if text.startswith("{") else f"{self._node} | {text}\n")
        return bool(came)

    def _write(self, line: str) -> None:
        with suppress(OSError, ValueError):  # nobody reads on: the nodes go on, unheard
            self._sink.write(line)
            self._sink.flush()
