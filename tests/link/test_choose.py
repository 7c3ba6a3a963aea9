"""Which kind of link joins two nodes."""

from __future__ import annotations

import socket

import pytest

from mycelium.errors import LinkKindError
from mycelium.link import link_kind


@pytest.mark.parametrize(
    "here, there, kind",
    [
        ("alpha", "alpha", "ipc"),
        ("alpha", "beta", "net"),
        ("", "localhost", "ipc"),
        ("127.0.0.1", "localhost", "ipc"),
        ("::1", "", "ipc"),
        ("10.0.0.1", "10.0.0.1", "ipc"),
        ("10.0.0.1", "10.0.0.2", "net"),
        ("localhost", "10.0.0.2", "net"),
        (socket.gethostname(), "localhost", "ipc"),
    ],
)
def test_nodes_of_one_host_share_memory_and_others_use_the_network(here: str, there: str, kind: str) -> None:
    assert link_kind(here, there) == link_kind(there, here) == kind
    assert link_kind(here, there, wanted="net") == "net"


def test_shared_memory_between_hosts_is_refused() -> None:
    assert link_kind("alpha", "alpha", wanted="ipc") == "ipc"
    with pytest.raises(LinkKindError, match="not shared between hosts"):
        link_kind("alpha", "beta", wanted="ipc")


def test_another_kind_is_refused() -> None:
    with pytest.raises(LinkKindError, match="auto, ipc and net"):
        link_kind("alpha", "alpha", wanted="pigeon")
