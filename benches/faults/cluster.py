"""A run of the example topology that faults are done to, and what is to be seen of it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any, TypeVar

from mycelium.link.iceoryx import Home
from mycelium.observing.attach import attach
from mycelium.observing.places import running_nodes
from tlv import DeclaredError

__all__ = ["DEADLINE_S", "NODES", "ROOT", "Cluster", "FaultyError", "Found", "check_ledger", "place", "wait_for"]

NODES = ("feeds", "books", "strategy", "recorder")
#: After this long something hangs.
DEADLINE_S = 60.0

ROOT = Path(__file__).resolve().parent.parent.parent
_FILE = ROOT / "configs" / "market_data_cluster.toml"
_NAME = "market-data-cluster"
_T = TypeVar("_T")

#: Processes of the fault in hand.
_launched: list[subprocess.Popen[str]] = []


class FaultyError(Exception):
    """Something did not come about that had to, or did that must not."""


@dataclass
class Found:
    """What a fault has done.

    Attributes:
        recovery_s: From the fault, or its end, to the first message delivered again.
        sent: Messages in all, as the ledger of those tells that lived at the end.
        lost: How many of them were lost on links or became dead letters, by message.
        notes: What is to be said besides.
    """

    recovery_s: float
    sent: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    notes: str = ""


def wait_for(what: str, found: Callable[[], _T | None], seconds: float = DEADLINE_S) -> _T:
    """What ``found`` finds, as soon as it does. Raises `FaultyError` when the time is over."""
    nap = Event()
    until = monotonic() + seconds
    while monotonic() < until:
        there = found()
        if there:
            return there
        nap.wait(0.01)
    raise FaultyError(f"within {seconds:g} s it never came about: {what}")


@contextmanager
def place() -> Iterator[Path]:
    """A place for sockets, links, recordings and reports. Nothing may stay in it, and in shared memory."""
    with TemporaryDirectory(prefix="flt") as name:
        folder = Path(name)
        (folder / "run").mkdir(mode=0o700)
        (folder / "tmp").mkdir()
        before = {key: os.environ.get(key) for key in ("MYCELIUM_RUNTIME_DIR", "TMPDIR")}
        os.environ.update(MYCELIUM_RUNTIME_DIR=str(folder / "run"), TMPDIR=str(folder / "tmp"))
        try:
            yield folder
        finally:
            for process in _launched:  # of a fault that was cut short; first those who would start others again
                process.kill()
                process.wait()
            _launched.clear()
            for one in running_nodes():
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
            for key, value in before.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})


class Cluster:
    """The example topology on four nodes, with sources that do not end; ``changed`` may rewrite its file."""

    def __init__(self, folder: Path, *, changed: Callable[[str], str] = lambda text: text) -> None:
        self.folder = folder
        self.file = folder / "topology.toml"
        self.recording = folder / "recording.frames"
        self.file.write_text(changed(_restarting(_FILE.read_text())))
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start all nodes, and wait until the messages flow through all of them."""
        self.process = self.launch()
        wait_for("messages flow through all nodes", self.flows)

    def command(self, file: Path, *arguments: str) -> list[str]:
        """A command line of `mycelium run`."""
        settings = (
            "simulated_venues.messages=1000000000",
            "simulated_pools.messages=10000000",
            f"recorder.path={self.recording}",
        )
        given = [part for setting in settings for part in ("--set", setting)]
        return [sys.executable, "-m", "mycelium", "run", str(file), "--json", *given, *arguments]

    def launch(
        self, *arguments: str, file: Path | None = None, entered_by: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        """`mycelium run` of this topology, or of another ``file``; what it logs goes into a file."""
        command = [*entered_by, *self.command(file or self.file, *arguments)]
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        _launched.append(process)
        return process

    def flows(self) -> bool:
        """Whether every node has handled messages, or sent some."""
        return all(self.handled(node) for node in NODES)

    def pid(self, node: str) -> int | None:
        """Its process."""
        pids = [one.pid for one in running_nodes() if one.name == f"{_NAME}.{node}"]
        return pids[0] if len(pids) == 1 else None

    def pids(self) -> list[int]:
        """Those of all nodes."""
        return [one.pid for one in running_nodes()]

    def handled(self, node: str) -> int:
        """How many messages its actors have handled and sent in this life; 0 where it does not answer."""
        pid = self.pid(node)
        with suppress(DeclaredError):
            if pid is not None:
                with attach(str(pid)) as one:
                    said = one.look().node
                    return int(said.handled + said.sent)
        return 0

    def more_of(self, node: str, message: str) -> Callable[[], bool]:
        """Whether a node has got more messages of a type than at this moment."""
        began = self._got(node, message)
        return lambda: self._got(node, message) > began

    def _got(self, node: str, message: str) -> int:
        with suppress(DeclaredError), attach(str(self.pid(node))) as one:
            return sum(row.sent for row in one.look().messages if row.name == message)
        return 0

    def more_handled(self, node: str) -> Callable[[], bool]:
        """Whether it has handled more than at this moment."""
        before = self.handled(node)
        return lambda: self.handled(node) > before

    def log(self) -> str:
        """What the nodes and the launcher have logged."""
        return (self.folder / "log").read_text()

    def stop(self) -> dict[str, Any]:
        """Stop all in order; the report of the launcher. Raises `FaultyError` where it hangs, or loses count."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.report()

    def report(self) -> dict[str, Any]:
        """Wait for the end; the report of the launcher."""
        assert self.process is not None
        try:
            out, _ = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise FaultyError(f"it does not end within {DEADLINE_S:g} s") from error
        finally:
            self.kill()
        return check_ledger(json.loads(out))

    def kill(self) -> None:
        """End the launcher, where it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def found(
        self, recovery_s: float, report: Mapping[str, Any], *, failed: tuple[str, ...] = (), notes: str = ""
    ) -> Found:
        """What is to be told. Raises `FaultyError` where others failed, or something was left behind."""
        actors = {failure["actor"] for failure in report["failures"]}
        if actors != set(failed):
            raise FaultyError(
                f"failed: {sorted(actors) or 'nobody'}, and not {sorted(failed) or 'nobody'}: {report['failures']}"
            )
        self.check_nothing_left()
        lost = {row["message"]: row["lost"] + row["dead_lettered"] for row in report["messages"]}
        return Found(recovery_s, report["total"]["sent"], {name: count for name, count in lost.items() if count}, notes)

    def check_nothing_left(self) -> None:
        """Raise `FaultyError` where files are left."""
        if left := self.left():
            raise FaultyError(f"{len(left)} files were left behind: {left[0]}")

    def left(self) -> list[Path]:
        """Files in shared memory, and of the launcher."""
        prefix = Home(self.folder / "run" / "links").prefix
        return [*Path("/dev/shm").glob(f"{prefix}*"), *(self.folder / "tmp").iterdir()]  # noqa: S108


def check_ledger(report: dict[str, Any]) -> dict[str, Any]:
    """The report, where it balances to the message. Raises `FaultyError`."""
    wrong = [f"{row['message']} {row['difference']:+,}" for row in report["messages"] if row["difference"]]
    if wrong or not report["balanced"]:
        raise FaultyError(f"the ledger does not balance: {', '.join(wrong) or report['verdict']}")
    if report["state"] == "aborted":
        raise FaultyError("it had to be killed at the end")
    return report


def _restarting(text: str) -> str:
    """Every node of the file may die now and then."""
    return re.sub(
        r"(?m)^\[nodes\.\w+\]\n(restarts.*\n)?", lambda found: f"{found[0].split(chr(10))[0]}\nrestarts = 5\n", text
    )
