"""Where running nodes are found: one socket each, in a directory that only its user may enter.

The directory is MYCELIUM_RUNTIME_DIR, else ``mycelium`` in XDG_RUNTIME_DIR, else
``mycelium-UID`` in the directory for temporary files (TMPDIR). A socket is called ``NAME-PID.sock``.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from pathlib import Path
from typing import NamedTuple

from mycelium.errors.observing import ControlAccessError, NodesRunningError, NoNodeError
from mycelium.temporary import temporary_directory
from tlv.digests import blake2b

__all__ = [
    "NodePlace",
    "check_owner",
    "find_node",
    "name_of_socket",
    "nodes_called",
    "remove_stale",
    "running_nodes",
    "runtime_directory",
    "socket_name",
]

VARIABLE = "MYCELIUM_RUNTIME_DIR"
SUFFIX = ".sock"

_NAME_MAX = 40
#: What is left of a longer name, in front of a digest of the whole.
_BEGIN = 31


class NodePlace(NamedTuple):
    """The name of a node, its process, and its socket."""

    name: str
    pid: int
    path: Path

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def runtime_directory() -> Path:
    """Where the sockets of this user are; it may not be there yet. Raises `TemporaryFilesError`."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime, "mycelium") if runtime else temporary_directory() / f"mycelium-{os.getuid()}"


def socket_name(node: str, pid: int) -> str:
    """The name of the socket of a node; what a file may not be called is replaced, and of a long name a digest."""
    return f"{name_of_socket(node)}-{pid}{SUFFIX}"


def name_of_socket(node: str) -> str:
    """What the socket of a node is called, without its process: that which `NodePlace.name` tells."""
    plain = _plain(node)
    if len(plain) <= _NAME_MAX:
        return plain
    return f"{plain[:_BEGIN]}-{blake2b(node.encode(), digest_size=4).hexdigest()}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "-", name)


def check_owner(path: Path) -> None:
    """Raise `ControlAccessError` where others than this user may get at ``path``, a directory or a socket."""
    try:
        found = path.lstat()
    except OSError as error:
        raise ControlAccessError(path=str(path), reason=error.strerror or str(error)) from error
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISSOCK(found.st_mode)):
        raise ControlAccessError(path=str(path), reason="it is neither a directory nor a socket")
    if found.st_uid != os.getuid():
        raise ControlAccessError(path=str(path), reason=f"it belongs to user {found.st_uid}, not to {os.getuid()}")
    if found.st_mode & 0o077:
        raise ControlAccessError(
            path=str(path), reason=f"its mode is {stat.S_IMODE(found.st_mode):o}, so others may use it"
        )


def running_nodes() -> list[NodePlace]:
    """The nodes of this user that answer, by name and process; sockets of nodes that were killed are removed.

    Raises `ControlAccessError` where others may write into the directory.
    """
    directory = runtime_directory()
    if not directory.exists():
        return []
    check_owner(directory)
    found = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        name, _, pid = path.name.removesuffix(SUFFIX).rpartition("-")
        if pid.isdecimal() and not remove_stale(path):
            found.append(NodePlace(name, int(pid), path))
    return found


def find_node(wanted: str | None) -> NodePlace:
    """The one node that runs, or that of a name or process id.

    Raises `NoNodeError` where there is none, `NodesRunningError` where there are several, and `ControlAccessError`.
    """
    nodes = running_nodes()
    fitting = [node for node in nodes if wanted in {None, node.name, str(node.pid)} or _fits(node, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NodesRunningError(nodes=", ".join(map(str, fitting)))
    running = ", ".join(map(str, nodes)) or "none"
    raise NoNodeError(
        wanted=f"called {wanted}" if wanted else "at all", running=running, directory=str(runtime_directory())
    )


def nodes_called(wanted: str | None) -> list[NodePlace]:
    """The running nodes that may be those of a topology of this name, or that run at all.

    A socket tells no more of a name than a file may be called: who looks asks the node itself.
    """
    if wanted is None:
        return running_nodes()
    begins = _plain(f"{wanted}.")[:_BEGIN]
    return [node for node in running_nodes() if node.name.startswith(begins) or node.name == name_of_socket(wanted)]


def remove_stale(path: Path) -> bool:
    """Remove a socket on which nobody listens any more; whether that was so."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return True
        except OSError:
            return False  # it is busy, or not ours
    return False


def _fits(node: NodePlace, wanted: str | None) -> bool:
    return wanted is not None and socket_name(wanted, node.pid) == node.path.name
