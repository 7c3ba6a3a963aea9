"""Finding the input: which files of a directory a feed reads, and which files no feed reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from actors.errors import InputMissingError, InputNotRecognisedError, InputUnreadableError, NothingToReadError

from .formats import FORMATS, Sniffed, formats_of, sniff

__all__ = ["InputFile", "Inventory", "find_files", "first_to_announce", "take_inventory"]


@dataclass(frozen=True)
class InputFile:
    """A recognised file."""

    path: Path
    sniffed: Sniffed
    size: int

    @property
    def format_name(self) -> str:
        return "" if self.sniffed.format is None else self.sniffed.format.name

    @property
    def feed(self) -> str:
        return "" if self.sniffed.format is None else self.sniffed.format.feed


@dataclass(frozen=True)
class Inventory:
    """Every file under one directory, in the order of the paths."""

    directory: Path
    files: tuple[InputFile, ...]

    def read_by(self, feed: str) -> tuple[InputFile, ...]:
        return tuple(file for file in self.files if file.feed == feed)

    @property
    def not_read(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of each file that no feed reads."""
        return tuple(
            (
                file.path.relative_to(self.directory).as_posix() if file.path != self.directory else file.path.name,
                file.sniffed.reason or f"{file.format_name} are not an input",
            )
            for file in self.files
            if not file.feed
        )


_taken: dict[Path, tuple[frozenset[tuple[str, int, int]], Inventory]] = {}
_announced: set[Path] = set()
_lock = threading.Lock()


def take_inventory(directory: Path) -> Inventory:
    """Recognise every file under ``directory`` (or that one file), hidden ones excepted.

    Several feeds ask for the same directory: it is looked through once while nothing in it changes.
    """
    found = tuple(_walk(directory))
    stamp = frozenset((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)
    with _lock:
        known = _taken.get(directory)
        if known is not None and known[0] == stamp:
            return known[1]
        inventory = Inventory(directory, tuple(InputFile(path, sniff(path), stat.st_size) for path, stat in found))
        _taken[directory] = (stamp, inventory)
        _announced.discard(directory)
        return inventory


def first_to_announce(inventory: Inventory) -> bool:
    """True for the first feed that asks: what nobody reads is told once, not by each feed."""
    with _lock:
        if inventory.directory in _announced:
            return False
        _announced.add(inventory.directory)
        return True


def find_files(feed: str, directory: Path | None, files: Iterable[Path]) -> tuple[InputFile, ...]:
    """What ``feed`` is to read: the ``files`` that were asked for, then what it knows of ``directory``.

    Raises `InputMissingError`, `InputUnreadableError`, `InputNotRecognisedError` for a file that was
    asked for, `NothingToReadError` for a directory in which no feed recognises anything.
    """
    chosen = [_asked_for(feed, path) for path in files]
    if directory is not None:
        if not directory.exists():
            raise InputMissingError(path=str(directory), setting="input")
        inventory = take_inventory(directory)
        if not any(file.feed for file in inventory.files):
            raise NothingToReadError(
                path=str(directory),
                files=len(inventory.files),
                formats=", ".join(known.name for known in FORMATS if known.feed),
            )
        chosen += inventory.read_by(feed)
    return tuple({file.path.resolve(): file for file in chosen}.values())


def _asked_for(feed: str, path: Path) -> InputFile:
    if not path.exists():
        raise InputMissingError(path=str(path), setting="files")
    if path.is_dir():
        raise InputUnreadableError(path=str(path), reason="it is a directory; `files` takes files")
    sniffed = sniff(path)
    if sniffed.format is None or sniffed.format.feed != feed:
        reason = sniffed.reason or f"it holds {sniffed.format.name if sniffed.format else 'nothing known'}"
        raise InputNotRecognisedError(path=str(path), feed=feed, reason=reason, formats=formats_of(feed))
    return InputFile(path, sniffed, path.stat().st_size)


def _walk(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    def unreadable(error: OSError) -> None:
        raise InputUnreadableError(path=str(error.filename), reason=error.strerror or str(error)) from error

    if directory.is_file():
        yield directory, directory.stat()
        return
    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file():
                yield path, path.stat()
