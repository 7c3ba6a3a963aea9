"""Looking at a running node from another process. ::

with attach() as node:
    print(node.look().node.state)
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import time
from types import TracebackType
from typing import Self

from mycelium.errors.observing import (
    ControlAccessError,
    NodeAnswerError,
    NodeCrowdedError,
    NodeGoneError,
    NodeSilentError,
    NodeVersionError,
)
from tlv import FrameWriter, TLVError
from tlv.frame import HEADER, MAGIC

from .messages import ANSWER_LIMITS, DIGEST, Watching
from .places import NodePlace, check_owner, find_node
from .snapshot import Snapshot, read_snapshot

__all__ = ["Attached", "attach"]

#: How long a node may take to answer, in seconds.
ANSWER_S = 10.0


class Attached:
    """A connection to a running node.

    Raises `NodeGoneError` where nobody listens, `NodeSilentError` where it takes nobody, and `ControlAccessError`.
    """

    def __init__(self, place: NodePlace, *, answer_s: float = ANSWER_S) -> None:
        self.place = place
        self._answer_s = answer_s
        self._socket = self._connected()
        #: It has answered over this connection: where that is gone, the node may still run, and have given it up.
        self._answered = False

    def _connected(self) -> socket.socket:
        check_owner(self.place.path)
        connection = socket.socket(socket.AF_UNIX)
        # Its own way of waiting: with a time-out of Python's, connecting to a busy node fails at once.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", math.ceil(self._answer_s), 0))
        try:
            connection.connect(str(self.place.path))
        except BlockingIOError as error:
            connection.close()
            raise NodeSilentError(node=str(self.place), seconds=self._answer_s) from error
        except OSError as error:
            connection.close()
            raise NodeGoneError(node=str(self.place)) from error
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Look no longer."""
        self._socket.close()

    def look(self) -> Snapshot:
        """The state of the node now.

        A node with many clients gives up those that ask little: then it connects again. Raises `NodeGoneError` when
        it has ended, `NodeCrowdedError`, `NodeSilentError`, `NodeVersionError` and `NodeAnswerError`.
        """
        try:
            said = self._look()
        except NodeGoneError:
            if not self._answered:
                raise
            self._socket.close()
            try:
                self._socket = self._connected()
            except ControlAccessError as error:
                raise NodeGoneError(node=str(self.place)) from error
            self._answered = False
            said = self._look()
        self._answered = True
        return said

    def _look(self) -> Snapshot:
        writer = FrameWriter()
        writer.append(Watching.Look(digest=DIGEST))
        deadline = time.monotonic() + self._answer_s
        try:
            self._socket.settimeout(self._answer_s)
            with contextlib.suppress(BrokenPipeError):  # it has hung up, and may have said why
                self._socket.sendall(writer.finish())
            head = self._receive(HEADER.size, deadline)
            magic, *_, payload_size, _ = HEADER.unpack_from(head)
            if magic != MAGIC:
                raise NodeAnswerError(node=str(self.place), reason=f"it begins with {head[:8]!r}, which is no frame")
            if HEADER.size + payload_size > ANSWER_LIMITS.frame_size:
                raise NodeAnswerError(node=str(self.place), reason=f"its frame is to hold {payload_size:,} bytes")
            answer = read_snapshot(head + self._receive(payload_size, deadline))
        except TimeoutError as error:
            raise NodeSilentError(node=str(self.place), seconds=self._answer_s) from error
        except OSError as error:
            raise NodeGoneError(node=str(self.place)) from error
        except (TLVError, ValueError) as error:
            if isinstance(error, NodeAnswerError):
                raise
            raise NodeAnswerError(node=str(self.place), reason=str(error)) from error
        if isinstance(answer, Watching.Refusal):
            from importlib.metadata import version

            raise NodeVersionError(node=str(self.place), theirs=answer.version, ours=version("mycelium-actors"))
        if isinstance(answer, Watching.Crowded):
            raise NodeCrowdedError(node=str(self.place), looking=answer.looking)
        return answer

    def _receive(self, size: int, deadline: float) -> bytes:
        came = bytearray()
        while len(came) < size:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            part = self._socket.recv(min(size - len(came), 1 << 20))
            if not part:
                raise NodeGoneError(node=str(self.place))
            came += part
        return bytes(came)


def attach(wanted: str | None = None) -> Attached:
    """Attach to the one node that runs, or to that of a name or process id.

    Raises `NoNodeError`, `NodesRunningError`, `NodeGoneError` and `ControlAccessError`.
    """
    return Attached(find_node(wanted))
