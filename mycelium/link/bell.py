"""A bell between processes: a named pipe on which one end of a channel sleeps until the other rings."""

from __future__ import annotations

import fcntl
import os
import select
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["Bell"]

#: What a pipe holds, in bytes, so that one reading empties it.
_SIZE = 4096


class Bell:
    """Wakes who sleeps on it, or else the next one who would. Anybody may ring it; one thread at a time sleeps on it.

    To ring takes one call of the system, to be woken one, and to go to sleep two; an event of iceoryx2 takes eight
    in all. A ring says only that it is time to look again: a bell must be made `still` before one looks, not after.

    Args:
        file: The same for all who ring it and who sleep on it; it is made where it is not there.

    Raises `OSError`.
    """

    __slots__ = ("_pipe", "_poll")

    def __init__(self, file: Path) -> None:
        self._pipe = -1
        with suppress(FileExistsError):
            os.mkfifo(file, 0o600)
        # Whoever only rings can read it too: so it always has a reader, and nobody waits until there is one.
        self._pipe = os.open(file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        if not stat.S_ISFIFO(os.fstat(self._pipe).st_mode):
            msg = f"{file} is not a named pipe"
            raise FileExistsError(msg)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # it would work with more
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _SIZE)
        asleep = select.poll()
        asleep.register(self._pipe, select.POLLIN)
        self._poll = asleep.poll

    def ring(self) -> None:
        """Wake who sleeps, or else the next one who would."""
        try:  # noqa: SIM105 - it is on the way of every frame
            os.write(self._pipe, b"\0")
        except BlockingIOError:
            pass  # so often has nobody heard it

    def still(self) -> None:
        """Forget how often it rang: who looks for the reason afterwards misses none."""
        try:
            while len(os.read(self._pipe, _SIZE)) == _SIZE:
                pass
        except BlockingIOError:
            pass  # it did not ring

    def sleep(self, seconds: float) -> bool:
        """Sleep until it has rung since it was `still`, for so many seconds at most; whether it has."""
        return bool(self._poll(seconds * 1000))

    def close(self) -> None:
        """It is not used any more; may be called again."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    __del__ = close
