"""Where the time and the memory of a service go: a flame graph of its processor time, and one of what it allocates.

Both are taken of the service that `mycelium bench --only memory` measures too, run by the command line to its end. py-spy looks at
it from outside, with the frames of C, and only at threads that hold the interpreter: seen so deep, one that waits looks busy.
memray counts every allocation, of the interpreter and of C.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mycelium.errors.bench import ProfilerFailedError, ProfilerMissingError

from .service import TOPOLOGY

__all__ = ["draw_flame_graph", "draw_memory"]

#: Trades in a run: a few seconds of work.
TRADES = 10_000_000
#: The same under memray, which makes each allocation dearer.
TRADES_COUNTED = 200_000
#: How often py-spy looks, in 1/s.
_RATE = 250


def draw_flame_graph(file: Path, *, trades: int = TRADES) -> None:
    """Run the service, and draw where its processor time goes, as an SVG.

    Raises `ProfilerMissingError` and `ProfilerFailedError`.
    """
    spy = _program("py-spy")
    with _service(trades) as run:
        options = ("--native", "--gil", "--rate", str(_RATE), "--format", "flamegraph")
        _do([spy, "record", *options, "--output", str(file.absolute()), "--", sys.executable, *run], "py-spy")
    if not file.exists():
        raise ProfilerFailedError(profiler="py-spy", reason="it wrote no picture")


def draw_memory(file: Path, *, trades: int = TRADES_COUNTED) -> str:
    """Run the service, draw what it holds at its peak, as an HTML page, and return the totals as text.

    Raises `ProfilerMissingError` and `ProfilerFailedError`.
    """
    if importlib.util.find_spec("memray") is None:
        raise ProfilerMissingError(profiler="memray", package="memray")
    memray = [sys.executable, "-m", "memray"]
    with _service(trades) as run:
        record = Path(run[-2]).with_name("memory.bin")
        _do([*memray, "run", "--native", "--quiet", "--output", str(record), *run], "memray")
        _do([*memray, "flamegraph", "--force", "--output", str(file.absolute()), str(record)], "memray")
        return _do([*memray, "stats", str(record)], "memray")


@contextmanager
def _service(trades: int) -> Iterator[list[str]]:
    """What the interpreter gets to run the service."""
    with tempfile.TemporaryDirectory(prefix="mycelium-bench-") as directory:
        topology = Path(directory, "footprint.toml")
        topology.write_text(TOPOLOGY.format(trades=trades), encoding="utf-8")
        yield ["-m", "mycelium", "run", str(topology), "--quiet"]


def _program(name: str) -> str:
    """Beside this interpreter, or on the path."""
    beside = Path(sysconfig.get_path("scripts"), name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ProfilerMissingError(profiler=name, package=name)
    return found


def _do(command: Sequence[str], profiler: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")  # noqa: S603 - ours
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ProfilerFailedError(
            profiler=profiler, reason=said[-1].strip() if said else f"exit code {done.returncode}"
        )
    return done.stdout
