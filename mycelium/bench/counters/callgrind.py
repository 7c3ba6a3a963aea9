"""Callgrind: the simulated caches of cachegrind, and counting that can begin in the middle of a run.

A child starts with counting off, since the imports would take half a minute, prepares and warms up
its operations, and then asks valgrind itself to begin, and to write down what it has counted. Such
a *client request* is a sequence of instructions that does nothing on a processor and that valgrind
knows (``valgrind.h``). It is written here for x86-64, the only machine on which it was tried.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mycelium.errors.bench import CounterMissingError

from .figures import Counts

__all__ = ["CACHES", "NAME", "ClientRequests", "command", "counter_version", "read_dumps"]

NAME = "valgrind"

#: Size in bytes, ways and line, the same everywhere: figures must not depend on the caches of the machine. D1 has many
#: ways, since misses of a cache with few depend on the addresses of objects, and those on the length of a path.
CACHES = {"I1": "32768,8,64", "D1": "49152,96,64", "LL": "8388608,16,64"}

_INSTALL = "install it (on Debian and Ubuntu: apt install valgrind), or count with another: --with perf"
_TRIGGER = "desc: Trigger: Client Request: "

# callgrind.h: 'C', 'T', and the number of the request.
_TOOL = (ord("C") << 24) | (ord("T") << 16)
_ZERO_STATS, _DUMP_STATS_AT, _START_INSTRUMENTATION = _TOOL + 1, _TOOL + 3, _TOOL + 4
_RUNNING_ON_VALGRIND = 0x1001

_X86_64 = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the address of the request and its arguments
    "31d2"  # xor edx, edx: the answer where there is no valgrind
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi, 3; 13; 61; 51: nothing, for a processor
    "4887db"  # xchg rbx, rbx: nothing, but now valgrind answers in rdx
    "4889d0"  # mov rax, rdx
    "c3"  # ret
)


class ClientRequests:
    """Speaks to the valgrind that runs this process."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._page.write(_X86_64)
        code = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(code)
        self._words = (ctypes.c_uint64 * 6)()
        self._address = ctypes.addressof(self._words)
        self._labels: list[ctypes.Array[ctypes.c_char]] = []
        if not self._ask(_RUNNING_ON_VALGRIND):
            msg = "this process does not run under valgrind"
            raise RuntimeError(msg)

    def start(self) -> None:
        """Begin to count, with empty caches."""
        self._ask(_START_INSTRUMENTATION)

    def zero(self) -> None:
        """Forget what was counted."""
        self._ask(_ZERO_STATS)

    def label(self, text: str) -> int:
        """The address of a name for `dump`."""
        self._labels.append(ctypes.create_string_buffer(text.encode()))
        return ctypes.addressof(self._labels[-1])

    def dump(self, label: int) -> None:
        """Write down what was counted, under this name, and begin again at zero."""
        self._ask(_DUMP_STATS_AT, label)

    def _ask(self, request: int, argument: int = 0) -> int:
        # The same few instructions in every call: what they take is counted too, and has to cancel.
        self._words[0] = request
        self._words[1] = argument
        answer: int = self._call(self._address)
        return answer


def counter_version() -> str:
    """The valgrind of this machine. Raises `CounterMissingError` where there is none, or none that can count."""
    if (machine := platform.machine()) not in {"x86_64", "AMD64"}:
        raise CounterMissingError(
            counter=NAME,
            reason=f"its client requests are known for x86_64 only, and this is {machine}",
            remedy="count with another: --with perf",
        )
    found = shutil.which("valgrind")
    if found is None:
        raise CounterMissingError(counter=NAME, reason="it is not on the path", remedy=_INSTALL)
    try:
        done = subprocess.run(  # noqa: S603 - what the path names
            [found, "--tool=callgrind", "--version"], capture_output=True, text=True, check=False
        )
    except OSError as cause:
        raise CounterMissingError(counter=NAME, reason=str(cause), remedy=_INSTALL) from cause
    number = re.match(r"valgrind-(\S+)", done.stdout)
    if done.returncode or not number:
        said = (done.stderr or done.stdout).strip() or f"it ended with code {done.returncode}"
        raise CounterMissingError(counter=NAME, reason=said, remedy=_INSTALL)
    return f"valgrind {number[1]}, callgrind"


def command(program: Sequence[str], directory: Path) -> list[str]:
    """Run a program and its forks under callgrind, which writes their dumps into this directory."""
    caches = [f"--{name}={geometry}" for name, geometry in CACHES.items()]
    options = ["--quiet", "--tool=callgrind", "--instr-atstart=no", "--cache-sim=yes", *caches]
    return ["valgrind", *options, f"--callgrind-out-file={directory / 'dump.%p'}", *program]


def read_dumps(directory: Path) -> Iterator[tuple[str, Counts]]:
    """Label and counts of each dump in a directory."""
    for file in sorted(directory.glob("dump.*")):
        dump = _read_dump(file.read_text(encoding="utf-8", errors="replace"))
        if dump is not None:
            yield dump


def _read_dump(text: str) -> tuple[str, Counts] | None:
    """None where it was not we who asked for it."""
    lines = text.splitlines()
    label = next((line.removeprefix(_TRIGGER) for line in lines if line.startswith(_TRIGGER)), None)
    if label is None:
        return None
    names = _words(lines, "events:")
    # Zeros at the end are left out.
    numbers = [int(word) for word in _words(lines, "totals:")]
    events = dict.fromkeys(names, 0) | dict(zip(names, numbers, strict=False))
    return label, Counts(events["Ir"], events["D1mr"] + events["D1mw"], events["DLmr"] + events["DLmw"])


def _words(lines: Sequence[str], head: str) -> list[str]:
    for line in lines:
        if line.startswith(head):
            return line.removeprefix(head).split()
    raise ValueError(f"a dump of callgrind without {head}")
