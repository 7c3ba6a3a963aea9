"""One node of a launcher: its process, in each of its lives, and when it is started again."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from mycelium.errors.cluster import NodeDiedError
from mycelium.ledger.report import ActorFailure, Report
from mycelium.supervision.policy import Backoff

from .merging import report_from_dict

__all__ = ["NodeProcess"]

#: The pause before a node is started again.
BACKOFF = Backoff(first_s=0.5, factor=2.0, max_s=10.0)
#: In which restarts of a node are counted; in seconds.
WITHIN_S = 60.0
#: The exit code of a node whose topology, config or input is wrong: another start would end in the same way.
_WRONG_INPUT = 2

_random = Random()  # noqa: S311 - so that nodes which died together do not come back together


class NodeProcess:
    """One node: its process, in each of its lives, and what comes out of it."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, restarts_max: int) -> None:
        self.name = name
        self.restarts_max = restarts_max
        self.process: subprocess.Popen[bytes] | None = None
        #: When it is to be started again.
        self.due_at: float | None = None
        self.report: Report | None = None
        self.failure: ActorFailure | None = None
        #: It was told to stop before it could have handled that: nothing has happened on it.
        self.never_began = False
        self._command = command
        self._path = folder / f"{name}.json"
        self._died_at: list[float] = []

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None

    @property
    def over(self) -> bool:
        """Whether it has ended, and is not started again."""
        return self.process is None and self.due_at is None

    def start(self) -> subprocess.Popen[bytes] | None:
        """Start it, in a session of its own: a Ctrl-C at the terminal is for the launcher to pass on.

        None where the system starts no process, for want of memory or of open files: that counts as a death.
        """
        self.due_at = None
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            self._die(f"before it began ({error.strerror or error})")
        return self.process

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def look(self, *, stopping: bool, killed: bool = False) -> int | None:
        """Whether it has ended by now, and what follows; its exit code, or None.

        While ``stopping`` it is not started again; where it may have been ``killed`` by who asks, it has not died.
        """
        if self.process is None or (code := self.process.poll()) is None:
            return None
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
        try:
            self.report = report_from_dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            if stopping and code == -signal.SIGTERM:
                self.never_began = True
            elif not killed:
                how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
                self._die(how, for_good=stopping or code == _WRONG_INPUT, by_input=code == _WRONG_INPUT)
        return code

    def _die(self, how: str, *, for_good: bool = False, by_input: bool = False) -> None:
        now = time.monotonic()
        self._died_at = [*(moment for moment in self._died_at if now - moment < WITHIN_S), now]
        error = NodeDiedError(node=self.name, how=how)
        self.failure = ActorFailure(f"node {self.name}", type(error).__name__, str(error), by_input=by_input)
        if not for_good and len(self._died_at) <= self.restarts_max:
            self.due_at = now + BACKOFF.delay_s(len(self._died_at), _random)

    @property
    def deaths(self) -> int:
        """How often it died within the last minute."""
        return len(self._died_at)
