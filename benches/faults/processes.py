"""Faults of processes: killed, stopped for a while, started twice, and without room on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from tlv import read_frames

from .cluster import NODES, Cluster, FaultyError, Found, place, wait_for

__all__ = ["PROCESS_FAULTS"]

#: How long a process is stopped; in seconds.
_PAUSE_S = 5.0


def kill_node(node: str) -> Found:
    """``kill -9`` of one node: it is started again, and messages go through it."""
    with place() as folder:
        cluster = Cluster(folder)
        cluster.start()
        pid = cluster.pid(node)
        assert pid is not None
        began = monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(f"{node} is there again", lambda: cluster.pid(node) not in {None, pid})
        wait_for(f"messages go through {node} again", lambda: cluster.handled(node))
        if node == "feeds":  # what it sends has to arrive
            wait_for("its messages arrive", cluster.more_handled("strategy"))
        took = monotonic() - began
        report = cluster.stop()
        return cluster.found(took, report, failed=(f"node {node}",))


def kill_all() -> Found:
    """``kill -9`` of the launcher and of all nodes at once; the next start begins clean."""
    with place() as folder:
        cluster = Cluster(folder)
        cluster.start()
        assert cluster.process is not None
        for pid in (cluster.process.pid, *cluster.pids()):
            os.kill(pid, signal.SIGKILL)
        cluster.process.wait()
        began = monotonic()
        cluster.start()
        took = monotonic() - began
        return cluster.found(took, cluster.stop(), notes="from the new start; all that was not written is lost")


def kill_launcher() -> Found:
    """``kill -9`` of the launcher: its nodes end in order."""
    with place() as folder:
        cluster = Cluster(folder)
        cluster.start()
        began = monotonic()
        cluster.kill()
        wait_for("all nodes end", lambda: not cluster.pids(), 9.0)
        took = monotonic() - began
        wait_for("they leave nothing behind", lambda: not cluster.left())
        return Found(took, notes="until its nodes have ended")


def pause_node(node: str) -> Found:
    """SIGSTOP for five seconds: nothing is lost."""
    with place() as folder:
        cluster = Cluster(folder)
        cluster.start()
        pid = cluster.pid(node)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            Event().wait(_PAUSE_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        began = monotonic()
        wait_for(f"messages go through {node} again", cluster.more_handled(node))
        took = monotonic() - began
        report = cluster.stop()
        if report["total"]["lost"]:
            raise FaultyError(f"{report['total']['lost']} messages were lost")
        return cluster.found(took, report, notes="from its end")


def start_twice() -> Found:
    """A second run of the same topology is refused, and the first one goes on."""
    with place() as folder:
        cluster = Cluster(folder)
        cluster.start()
        began = monotonic()
        second = cluster.launch("--quiet")
        try:
            code = second.wait(60)
        except subprocess.TimeoutExpired as error:
            second.kill()
            raise FaultyError("the second one hangs") from error
        took = monotonic() - began
        if code != 1 or "[NOD-034]" not in cluster.log():
            raise FaultyError(f"the second one ended with {code}, and not for the first one")
        wait_for("the first one goes on", cluster.more_handled("strategy"))
        return cluster.found(took, cluster.stop(), notes="until the second one was refused")


_SUPERVISED = """[supervisors.disk]
limit = 1000
within_s = 60
backoff = { first_s = 0.2, max_s = 0.5 }

[actors.recorder]
supervisor = "disk\""""


def fill_disk() -> Found:
    """The disk of the recorder is full: it fails, is made anew by its supervisor, and records again when there is room."""
    with place() as folder, _small_disk(folder / "disk") as disk:
        cluster = Cluster(folder, changed=lambda text: text.replace("[actors.recorder]", _SUPERVISED))
        cluster.recording = disk / "recording.frames"
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(14_000_000))
        cluster.start()
        wait_for("the disk is full", lambda: "No space left" in cluster.log())
        full = cluster.recording.stat().st_size
        ballast.unlink()
        began = monotonic()
        wait_for("it records again", lambda: cluster.recording.stat().st_size > full)
        took = monotonic() - began
        report = cluster.stop()
        if sum(1 for _ in read_frames(cluster.recording.read_bytes())) < 2:
            raise FaultyError("the recording cannot be read")
        failed = {one["actor"] for one in report["failures"]} & {"recorder"}  # its last frame may find it full again
        return cluster.found(took, report, failed=tuple(failed), notes="from when there was room")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 16 MB. Raises ``PermissionError`` where this user may mount none."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "faults", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    if done.returncode:
        raise PermissionError(f"it needs to mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607 - a fixed command


PROCESS_FAULTS: Mapping[str, Callable[[], Found]] = {
    **{f"kill-{node}": partial(kill_node, node) for node in NODES},
    "kill-all": kill_all,
    "kill-launcher": kill_launcher,
    **{f"pause-{node}": partial(pause_node, node) for node in ("feeds", "strategy")},
    "start-twice": start_twice,
    "full-disk": fill_disk,
}
