"""Where a lock is read from: a file, or a commit of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mycelium.errors.contract import LockMissingError, LockReferenceError, LockUnreadableError

from .lock import Lock

__all__ = ["DEFAULT_FILE", "read_lock", "read_lock_of"]

DEFAULT_FILE = Path("contract.lock")


def read_lock(file: Path) -> Lock:
    """The lock in a file. Raises `LockMissingError`, `LockFormatError` and `LockUnreadableError`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as cause:
        raise LockMissingError(file=str(file)) from cause
    except (OSError, UnicodeDecodeError) as cause:
        reason = getattr(cause, "strerror", None) or "it is no text"
        raise LockUnreadableError(file=str(file), reason=reason) from cause
    return Lock.from_toml(text, str(file))


def read_lock_of(reference: str, file: Path = DEFAULT_FILE) -> Lock:
    """The lock that ``reference`` means: a file if there is one of that name, else ``file`` at that commit.

    Raises `LockReferenceError`, and what `read_lock` raises.
    """
    if Path(reference).is_file():
        return read_lock(Path(reference))
    if reference.startswith("-"):
        raise LockReferenceError(reference=reference, file=str(file), reason="it is neither a file nor a commit")
    folder = file.resolve().parent
    command = ["git", "-C", str(folder), "show", f"{reference}:./{file.name}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as cause:
        reason = f"there is no such file, and git cannot be asked ({cause.strerror})"
        raise LockReferenceError(reference=reference, file=str(file), reason=reason) from cause
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["git says nothing"]
        reason = f"there is no such file, and git says: {said[0].removeprefix('fatal: ').rstrip('.')}"
        raise LockReferenceError(reference=reference, file=str(file), reason=reason)
    return Lock.from_toml(done.stdout, f"{reference}:{file}")
