"""Resident memory of this process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_bytes", "resident_bytes"]

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Bytes of this process in memory now; where the system tells only the peak, that."""
    return _from_status("VmRSS") or peak_bytes()


def peak_bytes() -> int:
    """The most bytes that this process had in memory so far."""
    return _from_status("VmHWM") or _from_resource()


def _from_status(key: str) -> int:
    try:
        text = _STATUS.read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


def _from_resource() -> int:
    # macOS counts bytes here, Linux and the BSDs count kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
