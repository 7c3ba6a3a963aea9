"""Processes that run beside each other, and of which none is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["Children"]

T = TypeVar("T")

_LOOK_S = 0.2


class Children:
    """Some threads, each of which waits for a child. At the end, also by Ctrl-C, all children are gone."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads)
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended = True
            for child in self._running:
                _kill(child)
        self._pool.shutdown(cancel_futures=True)

    def all_of(self, works: Iterable[Callable[[], T]]) -> list[T]:
        """Do things in the threads, and wait for all of them; the first error ends the wait."""
        futures = [self._pool.submit(work) for work in works]
        # A Ctrl-C that comes just before a thread falls asleep does not wake it, so it does not sleep for long.
        while wait(futures, timeout=_LOOK_S, return_when=FIRST_EXCEPTION).not_done:
            for future in futures:
                if future.done():
                    future.result()
        return [future.result() for future in futures]

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        hear: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run a child to its end; ``hear`` gets each line that it prints.

        Raises ``RuntimeError`` with the last line of its stderr where it failed, ``OSError`` where it cannot be started.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
            with self._lock:
                if self._ended:
                    raise RuntimeError("stopped")
                child = subprocess.Popen(  # noqa: S603 - our own interpreter, under what the path names
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    text=True,
                    env=environment,
                    cwd=directory,
                    start_new_session=True,  # Ctrl-C is ours to handle, and what it forks ends with it
                )
                self._running.add(child)
            try:
                with child:
                    for line in child.stdout or ():
                        hear(line.rstrip("\n"))
            finally:
                with self._lock:
                    self._running.discard(child)
            if child.returncode:
                complaints.seek(0)
                last = (complaints.read().strip().splitlines() or ["without a word"])[-1]
                raise RuntimeError(f"it ended with code {child.returncode}: {last}")


def _kill(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
