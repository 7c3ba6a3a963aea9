"""The folder in which the nodes of a launcher leave their reports: made for one run, and removed with it.

Where the launcher is killed its nodes remove it; where all of them are, the next launcher does. The launcher
holds a lock in it, which the system takes back from a process that dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mycelium.errors.cluster import RunFolderError
from mycelium.errors.observing import TemporaryFilesError
from mycelium.temporary import temporary_directory

__all__ = ["run_folder"]

_PREFIX = "mycelium-run-"
_LOCK = "lock"


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for one run; those that killed runs of this user have left are removed. Raises `RunFolderError`."""
    try:
        place = temporary_directory()
        _remove_abandoned(place)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except TemporaryFilesError as error:
        raise RunFolderError(reason=f"TMPDIR is {error.path!r}, and {error.reason}") from error
    except OSError as error:
        raise RunFolderError(reason=error.strerror or str(error)) from error
    try:
        lock = _lock_in(folder)
        try:
            yield folder
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lock_in(folder: Path) -> int:
    """Lock the folder; others see the lock when it is held, and not before."""
    begun = folder / f".{_LOCK}"
    lock = os.open(begun, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    begun.rename(folder / _LOCK)
    return lock


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is not ours, in use, or being removed
            if folder.lstat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
