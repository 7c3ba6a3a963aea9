"""The machine line: where figures come from, and how steady the machine was meanwhile."""

from __future__ import annotations

import os
import platform
import timeit
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tlv import implementation

__all__ = ["Machine", "probe_ns", "this_machine"]

_PACKAGES = (
    "pykka",
    "numpy",
    "msgspec",
    "protobuf",
    "flatbuffers",
    "pycapnp",
    "databento-dbn",
    "construct",
    "nautilus_trader",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What ran the benches: ``tlv`` is the implementation of it, ``packages`` are the peers that are installed."""

    python: str
    tlv: str
    build: str
    system: str
    processor: str
    cores: int
    packages: dict[str, str]

    @property
    def line(self) -> str:
        """All of it in one line."""
        peers = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"tlv {self.tlv}, {self.python} ({self.build}), {peers}; {self.cores} cores of {self.processor}, {self.system}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def this_machine() -> Machine:
    """Where this runs."""
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        tlv=implementation.running,
        build=platform.python_compiler().strip(),
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        packages={name: found for name in _PACKAGES if (found := _version(name))},
    )


def probe_ns() -> float:
    """The speed of this moment: the median time of one turn of a fixed loop of plain Python.

    Taken before and after a run; where the two differ much, the machine was busy with something else.
    """
    timer = timeit.Timer("for i in numbers:\n    total = i * 3 + 1", globals={"numbers": range(100_000)})
    turns = sorted(timer.repeat(repeat=9, number=1))
    return turns[4] / 100_000 * 1e9


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
