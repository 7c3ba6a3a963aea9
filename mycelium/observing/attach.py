"""Looking at a running node from another process. ::

with attach() as node:
    print(node.look().node.state)
"""

from __future__ import annotations

import math
import socket
import struct
import time
from types import TracebackType
from typing import Self

from mycelium.errors.observing import NodeAnswerError, NodeGoneError, NodeSilentError, NodeVersionError
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
        check_owner(place.path)
        self._socket = socket.socket(socket.AF_UNIX)
        # Its own way of waiting: with a time-out of Python's, connecting to a busy node fails at once.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", math.ceil(answer_s), 0))
        try:
            self._socket.connect(str(place.path))
        except BlockingIOError as error:
            self._socket.close()
            raise NodeSilentError(node=str(place), seconds=answer_s) from error
        except OSError as error:
            self._socket.close()
            raise NodeGoneError(node=str(place)) from error

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

        Raises `NodeGoneError` when it has ended, `NodeSilentError`, `NodeVersionError` and `NodeAnswerError`.
        """
        writer = FrameWriter()
        writer.append(Watching.Look(digest=DIGEST))
        deadline = time.monotonic() + self._answer_s
        try:
            self._socket.settimeout(self._answer_s)
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
