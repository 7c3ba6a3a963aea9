"""Whether a terminal is to be written to in colour."""

from __future__ import annotations

import os

__all__ = ["is_colourless"]


def is_colourless() -> bool:
    """Whether the user asked for plain text: NO_COLOR is set (https://no-color.org), or TERM is dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
