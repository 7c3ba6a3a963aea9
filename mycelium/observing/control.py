"""The control socket of a running node: who may, asks for its state, and gets it.

One thread waits for all who look, and does nothing while nobody does. A client asks with one frame and
is answered with one; so it never holds up more than its own next answer, and who does not read that in
time, or sends anything else than a question, is dropped. Where all places are taken, the client that has asked
nothing for the longest gives up its own, and connects again when it asks on; where all ask, who comes is told so.
Whatever a client does, the node goes on.

The directory is entered by its user only (0700), and so is the socket (0600); on Linux the process at
the other end is asked for its user as well. A socket is made under another name and moved to its own
when it answers: what answers no call is a leftover of a killed node, which anybody may remove.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mycelium.errors.observing import ControlSocketError, ObservingError
from mycelium.imports.light_structlog import structlog
from tlv import TLVError, read_frame
from tlv.frame import HEADER

from .places import check_owner, remove_stale, runtime_directory, socket_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from mycelium.node import Node

__all__ = ["CLIENTS_MAX", "ControlSocket"]

#: Who comes when so many look already takes the place of one that is idle, or is turned away.
CLIENTS_MAX = 16
#: How long a client may take to read an answer, or to send the rest of a question; and be idle while others wait.
PATIENCE_S = 5.0
#: An answer is as good as a new one for so long: many who look cost what one does.
FRESH_S = 0.1


class Client:
    """One who looks: what came of its question, and what of the answer is still to be sent."""

    __slots__ = ("question", "since", "socket", "unsent")

    def __init__(self, connection: socket.socket, since: float) -> None:
        self.socket = connection
        self.question = b""
        self.unsent = memoryview(b"")
        #: When it came, began to ask, or was answered: what was last.
        self.since = since

    @property
    def busy(self) -> bool:
        """Whether it is in the middle of a question or an answer."""
        return bool(self.question or self.unsent)


class ControlSocket:
    """Answers those who look at ``node``, from its making until `close`. Raises `ControlSocketError`.

    ``clock`` gives seconds; a client's patience goes by it.
    """

    def __init__(self, node: Node, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._node = node
        self._clock = clock
        self._clients: dict[int, Client] = {}
        self._answer = b""
        self._answered_at = float("-inf")
        self.path = runtime_directory() / socket_name(node.name, os.getpid())
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            _listen(self._listener, self.path)
        except (OSError, ObservingError) as refused:
            self._listener.close()
            reason = (
                str(refused)
                if isinstance(refused, ObservingError)
                else getattr(refused, "strerror", "") or str(refused)
            )
            raise ControlSocketError(node=node.name, path=str(self.path), reason=reason) from refused
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="mycelium-control", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer nobody any more, and remove the socket."""
        self.path.unlink(missing_ok=True)
        self._waker.close()
        self._thread.join(PATIENCE_S)

    def _serve(self) -> None:
        try:
            while self._serve_once():
                pass
        except Exception as error:  # a fault of ours: the node goes on, unseen
            structlog.get_logger(node=self._node.name).error("the control socket failed", exc_info=error)
        finally:
            for client in tuple(self._clients.values()):
                self._drop(client)
            self._selector.close()
            self._listener.close()
            self._woken.close()

    def _serve_once(self) -> bool:
        """Do what is due; False when it was closed."""
        due = [key for key, _ in self._selector.select(self._timeout())]
        for key in due:
            if key.fileobj is self._woken:
                return False
            if key.fileobj is not self._listener:
                self._step(self._clients[key.fd])
        # After those who may have gone: their places are free.
        if any(key.fileobj is self._listener for key in due):
            self._accept()
        now = self._clock()
        for client in tuple(self._clients.values()):
            if client.busy and now - client.since >= PATIENCE_S:
                self._drop(client)
        return True

    def _timeout(self) -> float | None:
        since = [client.since for client in self._clients.values() if client.busy]
        return max(0.0, min(since) + PATIENCE_S - self._clock()) if since else None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone already
        if not _may_look(connection):
            connection.close()
            return
        connection.setblocking(False)
        if not self._has_place():
            from .snapshot import crowded

            with connection, contextlib.suppress(OSError):
                connection.send(crowded(len(self._clients)))
            return
        self._clients[connection.fileno()] = Client(connection, self._clock())
        self._selector.register(connection, selectors.EVENT_READ)

    def _has_place(self) -> bool:
        """Whether there is a place for one more; that of who has been idle for the longest, where all are taken."""
        if len(self._clients) < CLIENTS_MAX:
            return True
        idle = [client for client in self._clients.values() if not client.busy]
        longest = min(idle, key=lambda client: client.since, default=None)
        if longest is None or self._clock() - longest.since < PATIENCE_S:
            return False
        self._drop(longest)
        return True

    def _drop(self, client: Client) -> None:
        del self._clients[client.socket.fileno()]
        self._selector.unregister(client.socket)
        client.socket.close()

    def _step(self, client: Client) -> None:
        """Go on with one client, and drop it where it breaks the rules or has gone."""
        try:
            alive = self._send(client) if client.unsent else self._receive(client)
        except (OSError, TLVError):
            alive = False
        except Exception as error:
            self._drop(client)
            structlog.get_logger(node=self._node.name).error("the node could not be described", exc_info=error)
            return
        if not alive:
            self._drop(client)

    def _receive(self, client: Client) -> bool:
        from .messages import LOOK_LIMITS, Watching

        if not client.busy:
            client.since = self._clock()
        came = client.socket.recv(LOOK_LIMITS.frame_size + 1 - len(client.question))
        client.question += came
        if not came or len(client.question) > LOOK_LIMITS.frame_size:
            return False
        size = _frame_size(client.question)
        if size is None or len(client.question) < size:
            return size is None or size <= LOOK_LIMITS.frame_size
        messages = [
            message.to_owned() for message in read_frame(client.question, messages=(Watching.Look,), limits=LOOK_LIMITS)
        ]
        if len(client.question) != size or len(messages) != 1:
            return False
        client.question = b""
        client.unsent = memoryview(self._answer_to(messages[0]))
        client.since = self._clock()
        return self._send(client)

    def _send(self, client: Client) -> bool:
        with contextlib.suppress(BlockingIOError):
            client.unsent = client.unsent[client.socket.send(client.unsent) :]
            if not client.unsent:
                client.since = self._clock()
        self._selector.modify(client.socket, selectors.EVENT_WRITE if client.unsent else selectors.EVENT_READ)
        return True

    def _answer_to(self, look: object) -> bytes:
        from .messages import DIGEST
        from .snapshot import frame_of, refusal

        if getattr(look, "digest", None) != DIGEST:
            return refusal()
        now = self._clock()
        if now - self._answered_at >= FRESH_S:
            self._answer = frame_of(self._node)
            self._answered_at = now
        return self._answer


def _frame_size(begun: bytes) -> int | None:
    """How long the frame says that it is; None before that came."""
    if len(begun) < HEADER.size:
        return None
    return HEADER.size + int(HEADER.unpack_from(begun)[6])


def _listen(listener: socket.socket, path: Path) -> None:
    """Make the socket, for this user only, and give it its name when it answers."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(path.parent)
    for left in path.parent.glob("*.sock"):
        remove_stale(left)
    hidden = path.with_name(f".{path.name}.new")
    hidden.unlink(missing_ok=True)
    try:
        listener.bind(str(hidden))
        hidden.chmod(0o600)
        listener.listen(128)
        listener.setblocking(False)
        hidden.rename(path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def _may_look(connection: socket.socket) -> bool:
    """Whether the process at the other end is of this user, or root's, where the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in {os.getuid(), 0}
