"""A live stream while it is read: its faults are counted as those of a file are, and named as frames."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from actors.errors import FeedError, MalformedFrameError

from .files import InputFile
from .formats import Sniffed
from .reading import Logger, Policy, Reading, shortened
from .strict_json import parse_json

__all__ = ["StreamReading", "parse_frame"]


@dataclass
class StreamReading(Reading):
    """The state of one stream; where `Reading` speaks of a line, it is the number of a frame."""

    url: str = ""

    @classmethod
    def of(cls, url: str, policy: Policy, log: Logger, refused: Counter[str]) -> Self:
        """The reading of the stream at ``url``, which counts what it refuses in ``refused``."""
        return cls(InputFile(Path(url), Sniffed(None), 0), policy, log, refused=refused, url=url)

    @property
    def path(self) -> str:
        return self.url

    def malformed(self, line: int, column: str, value: str, rule: str) -> FeedError:
        """The error for one bad value."""
        return MalformedFrameError(url=self.url, frame=line, column=column, value=shortened(value), rule=rule)

    def broken(self, error: FeedError, *, again_in_s: float) -> None:
        """Count a connection that could not be made, or was lost, and say when it is tried again."""
        self.notes[error.code] += 1
        self.refused[error.code] += 1
        self.log.warning("no connection", code=error.code, reason=error.args[0], again_in_s=again_in_s)


def parse_frame(frame: str | bytes) -> Any:
    """The JSON value of a frame. Raises ``ValueError`` with the rule."""
    if isinstance(frame, bytes):
        msg = "a frame of text, and this one is binary"
        raise ValueError(msg)
    return parse_json(frame)
