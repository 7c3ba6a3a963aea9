"""What was counted, of which operation, and with what."""

from __future__ import annotations

import platform
import re
import shlex
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["BARE", "Counts", "Figures", "Key", "SetUp", "this_set_up"]

#: The implementation of what is not ours.
BARE = "bare"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An operation of an implementation: ``native``, ``python`` or, for what is not ours, ``bare``."""

    implementation: str
    group: str
    operation: str

    def __str__(self) -> str:
        return f"{self.group}: {self.operation} ({self.implementation})"


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one message. Misses are those of reads and writes together, in the first and in the last cache."""

    instructions: float
    d1_misses: float
    ll_misses: float

    def per_message(self, less: Counts, messages: int) -> Counts:
        """The difference of two counts, of which this one did ``messages`` more."""
        return Counts(
            (self.instructions - less.instructions) / messages,
            (self.d1_misses - less.d1_misses) / messages,
            (self.ll_misses - less.ll_misses) / messages,
        )


@dataclass(frozen=True, slots=True)
class SetUp:
    """What figures depend on: two of them can be compared where all of this is the same."""

    python: str
    machine: str
    core: str
    libraries: str
    counter: str
    caches: str

    def differences(self, other: SetUp) -> list[str]:
        """Where the other one is another, each as a text."""
        return [
            f"{one.name} {getattr(other, one.name)} instead of {getattr(self, one.name)}"
            for one in fields(self)
            if getattr(self, one.name) != getattr(other, one.name)
        ]


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts of a run."""

    set_up: SetUp
    counts: Mapping[Key, Counts]
    #: By group, the bare primitive that ours stand beside.
    beside: Mapping[str, str]

    def ratio(self, key: Key) -> float | None:
        """Instructions in relation to the bare primitive of the same run; none for what is bare itself."""
        reference = self.counts.get(Key(BARE, key.group, self.beside.get(key.group, "")))
        if key.implementation == BARE or reference is None or not reference.instructions:
            return None
        return self.counts[key].instructions / reference.instructions

    def to_dict(self) -> dict[str, Any]:
        """For JSON: counts of one message."""
        return {
            "set_up": asdict(self.set_up),
            "counts": [
                {**asdict(key), **asdict(counts), "beside": self.beside[key.group], "ratio": self.ratio(key)}
                for key, counts in self.counts.items()
            ],
        }


def this_set_up(counter: str, caches: str) -> SetUp:
    """That of this interpreter."""
    options = [
        option
        for option in shlex.split(sysconfig.get_config_var("CONFIG_ARGS") or "")
        if option.startswith(("--enable-", "--disable-", "--with-", "--without-")) and "=/" not in option
    ]
    build = ", ".join([platform.python_compiler().strip(), *_deciding(options)])
    return SetUp(
        python=f"{platform.python_implementation()} {platform.python_version()} ({build})",
        machine=f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()) or 'unknown C library'}",
        core=_core_compiler(),
        libraries=", ".join(f"{name} {_version(name)}" for name in ("numpy", "pykka")),
        counter=counter,
        caches=caches,
    )


def _deciding(options: list[str]) -> list[str]:
    """Options of `configure` that change what the interpreter executes."""
    names = ("--enable-optimizations", "--enable-shared", "--with-lto", "--with-pydebug", "--disable-gil")
    return sorted(option for option in options if option.startswith(names))


def _core_compiler() -> str:
    """What the compiled core was built by, as the compiler wrote it into the file."""
    spec = find_spec("tlv._native")
    if spec is None or spec.origin is None:
        return "not built"
    found = re.search(rb"(GCC: \([^\0]{1,60}\) [\d.]+|clang version [\d.]+)", Path(spec.origin).read_bytes())
    return found[1].decode("ascii", "replace") if found else "an unknown compiler"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
