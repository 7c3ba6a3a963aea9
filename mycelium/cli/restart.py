"""Which implementation of the message layer a service runs on: the command starts itself again where that must change.

The implementation is fixed when `tlv` is imported, which is long before a topology file can be read. So where another
one is asked for, the program replaces itself by the same command with ``MYCELIUM_TLV`` set: same process id, same
terminal, a tenth of a second later.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from mycelium.errors.node import ImplementationFixedError
from tlv import ImplementationError
from tlv.implementation import VARIABLE, available, running

__all__ = ["PROGRAM", "require", "run_on"]

#: What click carries as its ``obj`` where the command line is the whole program, and may be started again.
PROGRAM: Final = object()


def require(choice: str) -> None:
    """Raise `ImplementationError` where an implementation was not built."""
    if choice not in available():
        raise ImplementationError(
            choice=choice,
            reason="it was not built",
            remedy=f"install again where there is a C compiler, or choose {' or '.join(available())}",
        )


def run_on(choice: str, node: str, started_as: object) -> None:
    """Return where ``choice`` runs already; else start this program again with it.

    Raises `ImplementationError` where it was not built, and `ImplementationFixedError` where the command was called
    from another program.
    """
    require(choice)
    if choice != running and started_as is not PROGRAM:
        raise ImplementationFixedError(node=node, asked=choice, running=running)
    os.environ[VARIABLE] = choice
    if choice != running:
        _start_again()


def _start_again() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":  # there execv ends this process at once, and the terminal would not wait for the other
        raise SystemExit(subprocess.call(command))  # noqa: S603 - our own command line
    os.execv(sys.executable, command)  # noqa: S606 - our own command line
