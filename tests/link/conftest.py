"""Every kind of link there is here: one battery of tests runs over all of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mycelium.link import Link, LoopbackLink
from mycelium.link.ipc import IpcLink
from mycelium.link.net import NetLink
from tests.ports import free_port

#: How each kind is made; two calls of what it gives are the links of two nodes that can reach each other.
Links = Callable[[], Link]


@contextmanager
def loopback() -> Iterator[Links]:
    """One link, which both nodes use."""
    with LoopbackLink(capacity=8) as link:
        yield lambda: link


@contextmanager
def ipc() -> Iterator[Links]:
    """Links over shared memory, in a directory of their own."""
    if importlib.util.find_spec("iceoryx2") is None:
        pytest.skip("links over shared memory need the extra ipc")
    with TemporaryDirectory(prefix="lnk") as directory:  # sockets have short paths
        yield lambda: IpcLink(directory=Path(directory), capacity=8, borrowed=8)
        IpcLink(directory=Path(directory)).close()  # views that outlive their link leave the last file to the next one


@contextmanager
def net() -> Iterator[Links]:
    """Links over TCP within this host: the first listens, the others call it."""
    if importlib.util.find_spec("zenoh") is None:
        pytest.skip("links over the network need the extra net")
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    first: list[Link] = []

    def make() -> Link:
        if first:
            return NetLink(connect=[endpoint], capacity=8)
        first.append(NetLink(listen=[endpoint], capacity=8))
        return first[0]

    yield make


KINDS = {"loopback": loopback, "ipc": ipc, "net": net}


@pytest.fixture(params=KINDS)
def links(request: pytest.FixtureRequest) -> Iterator[tuple[Link, Link]]:
    """The links of two nodes, of one kind; 8 frames may wait in each of their channels."""
    with ExitStack() as stack:
        make = stack.enter_context(KINDS[request.param]())
        yield stack.enter_context(make()), stack.enter_context(make())
