"""Errors of `mycelium bench`.

::

    BenchError
      WrongAnswerError      BEN-010  who is measured gave something else than it should
      BenchProcessError     BEN-011  a process of `mycelium bench ab` failed
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = ["BenchError", "BenchProcessError", "WrongAnswerError"]


class BenchError(DeclaredError):
    """Family of the errors of measuring."""


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
