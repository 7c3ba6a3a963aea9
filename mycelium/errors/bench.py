"""Errors of `mycelium bench`, and of what it measures with.

::

    BenchError
      CounterMissingError   BEN-001  nothing here can count instructions
      CountFailedError      BEN-002  a process whose instructions were to be counted failed
      CountsPageError       BEN-003  a page holds no recorded counts
      CountsGrownError      BEN-004  counts have grown since they were recorded
      WrongAnswerError      BEN-010  who is measured gave something else than it should
      BenchProcessError     BEN-011  a process of `mycelium bench ab` failed
      AllocatorHookError    BEN-020  calls of the allocators cannot be counted
      ProfilerMissingError  BEN-030  a profiler is not installed
      ProfilerFailedError   BEN-031  a profiler failed
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "AllocatorHookError",
    "BenchError",
    "BenchProcessError",
    "CountFailedError",
    "CounterMissingError",
    "CountsGrownError",
    "CountsPageError",
    "ProfilerFailedError",
    "ProfilerMissingError",
    "WrongAnswerError",
]


class BenchError(DeclaredError):
    """Family of the errors of measuring."""


class CounterMissingError(
    BenchError,
    RuntimeError,
    code="BEN-001",
    text="cannot count instructions with {counter}: {reason}",
    next_step="{remedy}",
):
    """The tool is not installed, or the machine has no counters."""

    counter: str
    reason: str
    remedy: str


class CountFailedError(
    BenchError,
    RuntimeError,
    code="BEN-002",
    text="counting {group} ({implementation}) failed: {cause}",
    next_step="run the same group without --counters; if that works, please report it with the versions of Python and valgrind",
):
    """A child ended with an error, or without its figures."""

    group: str
    implementation: str
    cause: str


class CountsPageError(
    BenchError,
    ValueError,
    code="BEN-003",
    text="{page} holds no recorded counts: {reason}",
    next_step="record them: mycelium bench --counters --into PAGE",
):
    """What is to be compared with is not there, or was not written by us."""

    page: str
    reason: str


class CountsGrownError(
    BenchError,
    code="BEN-004",
    text="{count} counts have grown by more than {percent} %: {grown}",
    next_step="find what made them dearer; where that is meant, record them anew: mycelium bench --counters --into PAGE",
):
    """Messages cost more than when the figures were recorded."""

    count: int
    percent: int
    grown: str


class WrongAnswerError(
    BenchError,
    AssertionError,
    code="BEN-010",
    text="{contestant} gave {got}, not {expected}: it is not measured",
    next_step="install the versions that `make bench-peers` installs; if it is ours, please report it",
):
    """Somebody who is measured gave something else than it should."""

    contestant: str
    got: str
    expected: str


class BenchProcessError(
    BenchError,
    RuntimeError,
    code="BEN-011",
    text="{command} failed under MYCELIUM_TLV={choice}: {reason}",
    next_step="run it by itself to see what it says",
):
    """A process of `mycelium bench ab` ended with an error, or printed something else than its figures."""

    command: str
    choice: str
    reason: str


class AllocatorHookError(
    BenchError,
    RuntimeError,
    code="BEN-020",
    text="calls of the allocators cannot be counted: {reason}",
    next_step="{remedy}",
):
    """The hook was not built, or another thread counts already."""

    reason: str
    remedy: str


class ProfilerMissingError(
    BenchError,
    ImportError,
    code="BEN-030",
    text="{profiler} is not installed",
    next_step="pip install 'mycelium-actors[profile]', or {package} alone",
):
    """What looks at the service is an extra."""

    profiler: str
    package: str


class ProfilerFailedError(
    BenchError,
    RuntimeError,
    code="BEN-031",
    text="{profiler} failed: {reason}",
    next_step="py-spy may have to be allowed to look at other processes: run as root, or in a container with SYS_PTRACE",
):
    """It could not look at the service, or the service failed."""

    profiler: str
    reason: str
