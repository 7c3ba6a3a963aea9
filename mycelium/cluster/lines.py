"""What the nodes print and log, line by line, as one."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TextIO

__all__ = ["Lines"]


class Lines:
    """Forwards what one node prints, line by line; what is no line of a log is told to be its."""

    def __init__(self, node: str, stream: IO[bytes], sink: TextIO) -> None:
        self.stream = stream
        self._node = node
        self._sink = sink
        self._begun = b""

    def forward(self) -> bool:
        """Forward what has come; False at the end."""
        try:
            came = os.read(self.stream.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, self._begun = (self._begun + came).split(b"\n")
        if not came and self._begun:
            lines, self._begun = [self._begun], b""
        for line in lines:
            text = line.decode(errors="replace")
            # A line of JSON names its node itself.
            self._write(f"{text}\n" if text.startswith("{") else f"{self._node} | {text}\n")
        return bool(came)

    def _write(self, line: str) -> None:
        with suppress(OSError, ValueError):  # nobody reads on: the nodes go on, unheard
            self._sink.write(line)
            self._sink.flush()
