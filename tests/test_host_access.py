"""Who may take the place of a node over the network: whoever shows a certificate with its name, and nobody else."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mycelium import ActorSpec, Topology, resolve
from mycelium.link import FrameReceiver, FrameSender
from mycelium.link.access import Access, access_settings
from mycelium.link.config import LinkConfig
from mycelium.remote.links import NodeLinks
from mycelium.remote.wiring import channel_of
from mycelium.topology import ResolvedTopology
from tests.link.authority import Authority
from tests.ports import free_port
from tests.topology_actors import Tape, Ticker

if importlib.util.find_spec("zenoh") is None:
    pytest.skip("links over the network need the extra net", allow_module_level=True)

DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def topology() -> ResolvedTopology:
    nodes: Any = {"feeds": {"link": "net", "listen": f"tls/localhost:{free_port()}"}, "desk": {}}
    actors = {
        "ticker": ActorSpec(actor_class=Ticker, node="feeds"),
        "tape": ActorSpec(actor_class=Tape, node="desk"),
    }
    return resolve(Topology(name="access", nodes=nodes, actors=actors))


def config(authority: Authority, name: str, **keys: Any) -> LinkConfig:
    """What a host says that has a certificate with this common name."""
    files = authority.certificates(name)
    return LinkConfig(authority=files.authority, certificate=files.certificate, key=files.key, **keys)


CHANNEL = channel_of("access", "feeds", "desk")


def sender_of_feeds(stack: ExitStack, topology: ResolvedTopology, config: LinkConfig) -> FrameSender:
    links = stack.enter_context(NodeLinks(topology, "feeds", config=config))
    return links.to("desk").sender(CHANNEL)


def receiver_as_desk(stack: ExitStack, topology: ResolvedTopology, config: LinkConfig) -> FrameReceiver:
    links = stack.enter_context(NodeLinks(topology, "desk", config=config))
    return links.to("feeds").receiver(CHANNEL)


def check_that_it_alone_gets_frames(sender: FrameSender, receiver: FrameReceiver, *others: FrameReceiver) -> None:
    assert sender.wait_connected(DEADLINE_S)
    for number in range(20):
        sender.send(bytes([number]), timeout=DEADLINE_S)
        frame = receiver.receive(DEADLINE_S)
        assert frame is not None
        assert bytes(frame) == bytes([number])
    for other in others:
        assert not other.connected
        assert other.receive(0) is None


def test_a_certificate_of_another_name_and_none_at_all_get_no_place(
    stack: ExitStack, topology: ResolvedTopology, authority: Authority
) -> None:
    """Those who are not let in were there first."""
    sender = sender_of_feeds(stack, topology, config(authority, "feeds"))
    stranger = receiver_as_desk(stack, topology, config(authority, "stranger"))
    nobody = receiver_as_desk(stack, topology, LinkConfig(authority=authority.file, mutual=False))
    receiver = receiver_as_desk(stack, topology, config(authority, "desk"))
    check_that_it_alone_gets_frames(sender, receiver, stranger, nobody)


def test_who_calls_looks_at_the_name_of_the_one_who_answers_too(
    stack: ExitStack, topology: ResolvedTopology, authority: Authority
) -> None:
    sender = sender_of_feeds(stack, topology, config(authority, "stranger"))
    suspicious = receiver_as_desk(stack, topology, config(authority, "desk"))
    trusting = receiver_as_desk(stack, topology, config(authority, "desk", names={"feeds": ["stranger"]}))
    check_that_it_alone_gets_frames(sender, trusting, suspicious)


def test_the_names_of_a_node_can_be_others_in_the_config_of_a_host(
    stack: ExitStack, topology: ResolvedTopology, authority: Authority
) -> None:
    sender = sender_of_feeds(stack, topology, config(authority, "feeds", names={"desk": ["guest", "other"]}))
    formerly = receiver_as_desk(stack, topology, config(authority, "desk"))
    receiver = receiver_as_desk(stack, topology, config(authority, "guest"))
    check_that_it_alone_gets_frames(sender, receiver, formerly)


def test_all_others_get_nothing() -> None:
    settings = access_settings([Access(("desk",), (CHANNEL,)), Access((), ("plain/a/b",))])
    assert settings["default_permission"] == "deny"
    assert [rule["key_exprs"][0] for rule in settings["rules"]] == [f"mycelium/{CHANNEL}/**", "mycelium/plain/a/b/**"]
    assert settings["subjects"] == [
        {"id": "0", "cert_common_names": ["desk"]},
        {"id": "1", "link_protocols": ["tcp"]},
    ]
