"""Nodes on several hosts: what a file may say of them, what is refused, and who calls whom."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from mycelium import ActorSpec, Topology, resolve
from mycelium.cli.run_nodes import nodes_of_this_host
from mycelium.errors import InvalidConfigError, LinkExtraError, NoNodeHereError, TopologyRefusedError
from mycelium.errors.link import EndpointError, LinkKindError
from mycelium.link.choose import is_this_host
from mycelium.link.config import LinkConfig
from mycelium.remote.links import NodeLinks, check_packages
from mycelium.topology import ResolvedTopology
from mycelium.topology.hosts import kind_between, network_part
from mycelium.topology.node_spec import NodeSpec
from tests.topology_actors import Board, Tape, Ticker

FILE = """
[topology]
name = "far"

[nodes.feeds]
host = "alpha"
listen = "tls/0.0.0.0:7447"

[nodes.desk]
host = "beta"

[actors.ticker]
class = "tests.topology_actors:Ticker"
node = "feeds"

[actors.tape]
class = "tests.topology_actors:Tape"
node = "desk"
"""


def load(tmp_path: Path, text: str = FILE) -> Topology:
    path = tmp_path / "far.toml"
    path.write_text(text)
    return Topology.load(path)


def far(**nodes: Any) -> ResolvedTopology:
    """A ticker, a tape and a board, each on a node of its own."""
    kinds = dict(zip(nodes, (Ticker, Tape, Board), strict=False))
    actors = {name: ActorSpec(actor_class=kind, node=name) for name, kind in kinds.items()}
    return resolve(Topology(name="far", nodes=nodes, actors=actors))


def specs(**nodes: Any) -> dict[str, NodeSpec]:
    return {name: NodeSpec(**keys) for name, keys in nodes.items()}


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"alpha"', '"al pha"', "[nodes.feeds] host: 'al pha' is neither the name nor the address of a host"),
        ('"alpha"', '""', "[nodes.feeds] host: others run on beta, so every node says on which host it runs"),
        ("tls/0.0.0.0:7447", "0.0.0.0:7447", "[nodes.feeds] listen: [LNK-010] '0.0.0.0:7447' is no endpoint of a link"),
        (
            "tls/0.0.0.0:7447",
            "tls/0.0.0.0:0",
            "[nodes.feeds] listen: [LNK-010] 'tls/0.0.0.0:0' is no endpoint of a link",
        ),
        ("tls/0.0.0.0", "tcp/0.0.0.0", "[nodes.feeds] listen: tcp/0.0.0.0:7447 is plain TCP that leaves this host"),
        (
            "tls/0.0.0.0",
            "tls/127.0.0.1",
            "[nodes.desk] listen: desk and feeds are joined by the network, and neither listens",
        ),
        (
            '"tls/0.0.0.0:7447"',
            '""',
            "[nodes.desk] listen: desk and feeds are joined by the network, and neither listens",
        ),
        (
            '"beta"',
            '"beta"\nlink = "ipc"',
            "[nodes.desk] link: [LNK-012] no link of kind 'ipc' between 'beta' and 'alpha'",
        ),
        (
            '"beta"',
            '"alpha"\nlisten = "tls/0.0.0.0:7447"',
            "[nodes.desk] listen: feeds listens at port 7447 of the same host",
        ),
        (
            '"beta"',
            '"beta"\nrouters = "tls/gamma:7447"',
            '[nodes.desk] routers: a list is expected, in brackets: write ["tls/gamma:7447"], got',
        ),
        (
            '"beta"',
            '"beta"\nrouters = ["tcp/gamma:7447"]',
            "[nodes.desk] routers: tcp/gamma:7447 is plain TCP that leaves this host",
        ),
        (
            '"beta"',
            '"beta"\nrouters = ["tls/gamma:7447"]',
            "[nodes.feeds] routers: desk and feeds reach each other by routers only where both call some",
        ),
        (
            "[nodes.desk]",
            'routers = ["tls/gamma:7447"]\n[nodes.desk]',
            "[nodes.feeds] listen: a node that has routers calls those, and listens nowhere",
        ),
        ('"beta"', '"beta"\nrouters = ["tls/0.0.0.0:7447"]', "[nodes.desk] routers: [LNK-010]"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, before: str, after: str, problem: str) -> None:
    assert before in FILE
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(load(tmp_path, FILE.replace(before, after)))
    told = [str(problem).partition(".toml: ")[2] for problem in refused.value.problems]
    assert any(one.startswith(problem) for one in told), told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"alpha"', '"al pha"'),
        ("tls/0.0.0.0:7447", "tls/nowhere"),
        ('"beta"', '"beta"\nrouters = "tls/gamma:7447"'),
        ('"beta"', '"beta"\nmemory_mb = "much"'),
        ('"beta"', '"beta"\ntalks_to = "feeds"'),
    ],
)
def test_one_mistake_in_a_node_is_one_problem(tmp_path: Path, before: str, after: str) -> None:
    assert before in FILE
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(load(tmp_path, FILE.replace(before, after)))
    assert len(refused.value.problems) == 1, refused.value


def test_what_is_wrong_with_other_nodes_is_told_besides(tmp_path: Path) -> None:
    text = FILE.replace('"alpha"', '"al pha"').replace('"beta"', '"beta"\nlisten = "tcp/0.0.0.0:1"')
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(load(tmp_path, text))
    assert len(refused.value.problems) == 2, refused.value


@pytest.mark.parametrize("key", ["authority", "certificate", "key", "mutual", "lease_ms", "names"])
def test_certificates_are_no_business_of_a_topology(tmp_path: Path, key: str) -> None:
    text = FILE.replace('"beta"', f'"beta"\n{key} = "/etc/node.pem"')
    with pytest.raises(TopologyRefusedError, match=f"are config of each host: set MYCELIUM_LINK_{key.upper()} there"):
        resolve(load(tmp_path, text))


def test_plain_tcp_is_allowed_where_the_file_says_that_the_network_is_trusted(tmp_path: Path) -> None:
    text = FILE.replace('"tls/0.0.0.0:7447"', '"tcp/0.0.0.0:7447"\ninsecure = true')
    resolved = resolve(load(tmp_path, text))
    feeds, desk = (network_part(resolved.nodes, *pair) for pair in (("feeds", ["desk"]), ("desk", ["feeds"])))
    assert (feeds.listen, feeds.connect, feeds.insecure) == (("tcp/0.0.0.0:7447",), (), True)
    assert (desk.listen, desk.connect, desk.insecure) == ((), ("tcp/alpha:7447",), True)


def test_nodes_of_one_host_share_memory_and_others_meet_over_the_network() -> None:
    nodes = specs(
        a={"host": "alpha"}, b={"host": "alpha"}, c={"host": "beta", "listen": "tls/0.0.0.0:1"}, d={"host": "::1"}, e={}
    )
    assert kind_between(nodes, "a", "b") == kind_between(nodes, "d", "e") == "ipc"
    assert kind_between(nodes, "a", "c") == kind_between(nodes, "c", "b") == "net"
    assert network_part(nodes, "a", ["b"]).peers == ()
    assert network_part(nodes, "a", ["b", "c"]).connect == ("tls/beta:1",)


def test_a_kind_of_link_can_be_forced_and_both_must_agree() -> None:
    nodes = specs(a={"link": "net"}, b={}, c={"link": "ipc"})
    assert kind_between(nodes, "a", "b") == "net"
    assert kind_between(nodes, "b", "c") == "ipc"
    with pytest.raises(LinkKindError, match="a says net, and c ipc"):
        kind_between(nodes, "a", "c")


def test_of_two_that_listen_the_first_by_name_is_called() -> None:
    listening = {"link": "net", "listen": "tcp/127.0.0.1:7001"}
    nodes = specs(a=listening, b=listening | {"listen": "tcp/127.0.0.1:7002"})
    a, b = network_part(nodes, "a", ["b"]), network_part(nodes, "b", ["a"])
    assert (a.listen, a.connect) == (("tcp/127.0.0.1:7001",), ())
    assert (b.listen, b.connect) == ((), ("tcp/127.0.0.1:7001",))


def test_one_that_listens_within_its_host_calls_those_of_others() -> None:
    nodes = specs(
        a={"host": "10.0.0.1", "listen": "tcp/127.0.0.1:7001"}, b={"host": "10.0.0.2", "listen": "tls/[::]:7002"}
    )
    assert network_part(nodes, "a", ["b"]).connect == ("tls/10.0.0.2:7002",)
    nodes = specs(a={"host": "fe00::1", "listen": "tls/[::]:7001"}, b={"host": "fe00::2"})
    assert network_part(nodes, "b", ["a"]).connect == ("tls/[fe00::1]:7001",)


def test_who_has_routers_calls_those_and_nobody_else() -> None:
    nodes = specs(a={"host": "x", "routers": ["tls/r:1"]}, b={"host": "y", "routers": ["tls/r:1", "tls/s:1"]})
    part = network_part(nodes, "b", ["a"])
    assert (part.listen, part.connect, part.routed) == ((), ("tls/r:1", "tls/s:1"), True)


def test_this_host_is_known_by_its_names_and_addresses() -> None:
    assert all(is_this_host(name) for name in ("", "localhost", "127.0.0.1", "127.8.8.8", "::1", socket.gethostname()))
    assert not any(is_this_host(name) for name in ("203.0.113.7", "2001:db8::1", "no-such-host.example", "a b"))


def test_the_nodes_of_this_host_are_run_and_where_there_are_none_that_is_told() -> None:
    listening = {"listen": "tls/0.0.0.0:7447"}
    topology = far(a={"host": "203.0.113.7"}, b={"host": socket.gethostname(), **listening}, c={"host": "203.0.113.8"})
    assert nodes_of_this_host(topology) == ("b",)
    topology = far(a={"host": "203.0.113.7"}, b={"host": "203.0.113.8", **listening})
    with pytest.raises(NoNodeHereError, match=r"\[NOD-027\].*a on 203.0.113.7, b on 203.0.113.8"):
        nodes_of_this_host(topology)


def test_a_package_that_is_missing_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = far(a={"link": "net", "listen": "tcp/127.0.0.1:7447"}, b={})
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "zenoh" else find(name))
    with pytest.raises(LinkExtraError, match=r"mycelium-actors\[net\]"):
        check_packages(topology, ["b"])
    check_packages(far(a={}, b={}), [])


def test_what_tls_needs_of_the_host_is_missed_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = far(a={"link": "net", "listen": "tls/127.0.0.1:7447"}, b={})
    with NodeLinks(topology, "b") as links, pytest.raises(EndpointError, match="MYCELIUM_LINK_AUTHORITY is not set"):
        links.to("a")
    authority = tmp_path / "ca.pem"
    authority.touch()
    monkeypatch.setenv("MYCELIUM_LINK_AUTHORITY", str(authority))
    with NodeLinks(topology, "b") as links, pytest.raises(EndpointError, match="MYCELIUM_LINK_CERTIFICATE and _KEY"):
        links.to("a")


def test_certificates_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LinkConfig.from_env().certificates is None
    for name in ("authority", "certificate", "key"):
        (tmp_path / name).touch()
        monkeypatch.setenv(f"MYCELIUM_LINK_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("MYCELIUM_LINK_MUTUAL", "false")
    found = LinkConfig.from_env().certificates
    assert found is not None
    assert (found.authority, found.key, found.mutual) == (tmp_path / "authority", tmp_path / "key", False)


@pytest.mark.parametrize(
    ("set_to", "problem"),
    [
        ({"CERTIFICATE": "."}, "MYCELIUM_LINK_CERTIFICATE = '.*path does not point to a file"),
        ({"CERTIFICATE": "node"}, "a certificate and its key are given together"),
        ({"CERTIFICATE": "node", "KEY": "node"}, "a certificate needs the authority"),
        ({"LEASE_MS": "1"}, "MYCELIUM_LINK_LEASE_MS = '1'"),
        ({"CERT": "node"}, "there is no setting MYCELIUM_LINK_CERT "),
    ],
)
def test_a_config_of_the_host_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_to: dict[str, str], problem: str
) -> None:
    (tmp_path / "node").touch()
    for name, value in set_to.items():
        monkeypatch.setenv(f"MYCELIUM_LINK_{name}", value if name == "LEASE_MS" else str(tmp_path / value))
    with pytest.raises(InvalidConfigError, match=problem):
        LinkConfig.from_env()
