"""The ends of a program: streams that are not there, and threads that do not end."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import click

__all__ = ["await_threads", "ensure_streams", "forget_unwritten"]

_PATIENCE_S = 2.0


def ensure_streams() -> None:
    """Give a program that was started without stdout or stderr (``>&-``) one that goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  (as long as the program)


def forget_unwritten() -> None:
    """Let the interpreter end without a word about what stdout and stderr could not take (a full disk).

    It flushes both at exit, and would end with 120. What stdout could not take has been told by then; a
    log that nobody can read is no failure of the run.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def await_threads(code: int) -> None:
    """End with ``code`` now if threads would keep the interpreter from ending; return if there are none.

    Actors that actors started, and that no node stops, are stopped here. What then still runs (an
    actor that hangs in its handler, a thread of the user's) gets two seconds, is named, and left behind.
    """
    if not _others():
        return
    if "pykka" in sys.modules:
        from pykka import ActorRegistry

        ActorRegistry.stop_all(block=False)
    deadline = time.monotonic() + _PATIENCE_S
    while (left := _others()) and time.monotonic() < deadline:
        for thread in left:
            with contextlib.suppress(RuntimeError):  # another thread is just starting it: look again
                thread.join(max(0.0, deadline - time.monotonic()))
    if not left:
        return
    try:
        click.echo(f"left behind, still running: {', '.join(thread.name for thread in left)}", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _others() -> list[threading.Thread]:
    here = threading.current_thread()
    return [thread for thread in threading.enumerate() if thread is not here and not thread.daemon]
