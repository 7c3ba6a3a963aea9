"""`perf stat`: the counters of the processor, on machines that have them and let them be read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mycelium.errors.bench import CounterMissingError

from .figures import Counts

__all__ = ["COUNTS", "NAME", "command", "counter_version", "read_counters"]

NAME = "perf"

#: Operations in the two processes whose difference is told: so many that the start of Python weighs nothing.
COUNTS = (20_000, 220_000)

_EVENTS = ("instructions:u", "L1-dcache-load-misses:u", "LLC-load-misses:u")
_REMEDY = "count with valgrind, which simulates a processor: --with valgrind"


def counter_version() -> str:
    """The perf of this machine. Raises `CounterMissingError` where there is none, or nothing to count with."""
    found = shutil.which("perf")
    if found is None:
        raise CounterMissingError(counter=NAME, reason="it is not on the path", remedy=_REMEDY)
    try:
        version = subprocess.run([found, "version"], capture_output=True, text=True, check=False)  # noqa: S603
        tried = subprocess.run(  # noqa: S603 - what the path names
            command(["true"], Path("/dev/stderr")), capture_output=True, text=True, check=False
        )
    except OSError as cause:
        raise CounterMissingError(counter=NAME, reason=str(cause), remedy=_REMEDY) from cause
    try:
        read_counters(tried.stderr)
    except ValueError as cause:
        raise CounterMissingError(counter=NAME, reason=str(cause), remedy=_REMEDY) from cause
    return version.stdout.strip().replace("version ", "") or NAME


def command(program: Sequence[str], output: Path) -> list[str]:
    """Run a program, and write its counts into this file."""
    return ["perf", "stat", "-x,", "-e", ",".join(_EVENTS), "-o", str(output), "--", *program]


def read_counters(text: str) -> Counts:
    """The counts in what ``perf stat -x,`` wrote. Raises ``ValueError`` where one is missing."""
    found = {}
    for line in text.splitlines():
        cells = line.split(",")
        if len(cells) > 2:
            found[cells[2]] = cells[0]
    values = []
    for event in _EVENTS:
        value = found.get(event, "<not told>")
        if not value.isdigit():
            said = " ".join(line for line in text.splitlines() if line and not line.startswith("#") and "," not in line)
            raise ValueError(f"{event} is {value.strip('<>')} here{': ' + said if said else ''}")
        values.append(int(value))
    return Counts(*values)
