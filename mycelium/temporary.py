"""Where temporary files are kept: in TMPDIR where that is set, and nowhere else then."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mycelium.errors.observing import TemporaryFilesError

__all__ = ["temporary_directory"]


def temporary_directory() -> Path:
    """TMPDIR, or where the system keeps them. Raises `TemporaryFilesError` where that is no directory that can be written.

    ``tempfile`` would go on to other places without a word, and in the end to the working directory.
    """
    given = os.environ.get("TMPDIR", "")
    place = Path(given or tempfile.gettempdir())
    if not place.is_dir():
        raise TemporaryFilesError(path=str(place), reason="there is no such directory")
    if not os.access(place, os.W_OK | os.X_OK):
        raise TemporaryFilesError(path=str(place), reason="it cannot be written")
    return place
