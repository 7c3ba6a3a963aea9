"""`mycelium run --all-here`: the nodes of several hosts, all on this one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mycelium.cluster.namespaces import Namespaces
from mycelium.errors import NamespacesError
from mycelium.topology.hosts import network_part, on_loopback
from mycelium.topology.node_spec import NodeSpec
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 60.0

FILE = """
[nodes.feeds]
host = "10.73.0.1"
listen = "tcp/0.0.0.0:{port}"
insecure = true

[nodes.desk]
host = "10.73.0.2"

[actors.ticker]
class = "tests.topology_actors:Ticker"
node = "feeds"
config = {{ count = 3000 }}

[actors.tape]
class = "tests.topology_actors:Tape"
node = "desk"
"""


def run(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The report of the topology, run in this way."""
    path = tmp_path / "far.toml"
    path.write_text(FILE.format(port=free_port()))
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(runtime))
    command = [sys.executable, "-m", "mycelium", "run", str(path), "--json", "--all-here", how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(report: Any) -> None:
    rows = {row["message"]: (row["sent"], row["handled"], row["lost"]) for row in report["messages"]}
    assert rows["Tick"] == (3000, 3000, 0)
    assert report["ok"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux listens at each address of loopback")
@pytest.mark.skipif(importlib.util.find_spec("zenoh") is None, reason="the extra net is not installed")
def test_over_loopback_nodes_of_all_hosts_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(run(tmp_path, "loopback", monkeypatch))


@pytest.mark.skipif(importlib.util.find_spec("zenoh") is None, reason="the extra net is not installed")
def test_in_network_namespaces_each_host_has_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        Namespaces({"one": "10.73.0.1"}).close()
    except NamespacesError as refused:
        pytest.skip(str(refused))
    check(run(tmp_path, "namespaces", monkeypatch))


def test_namespaces_end_with_those_who_hold_them() -> None:
    try:
        namespaces = Namespaces({"one": "10.73.0.1", "two": "fd73::2", "three": "10.73.0.1"})
    except NamespacesError as refused:
        pytest.skip(str(refused))
    with namespaces:
        entered = [*namespaces.entered_by("fd73::2"), "ip", "-6", "address", "show", "dev", "eth0"]
        shown = subprocess.run(entered, capture_output=True, text=True, check=True, timeout=DEADLINE_S).stdout
        assert "fd73::2/128" in shown
    done = subprocess.run(entered, capture_output=True, check=False, timeout=DEADLINE_S)
    assert done.returncode != 0


def test_a_host_that_is_no_address_has_no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda tool: tool)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(NamespacesError, match=r"\[nodes.feeds\] host = 'alpha' is no address.*--all-here loopback"):
        Namespaces({"feeds": "alpha"})


def test_without_linux_or_its_tools_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("shutil.which", lambda tool: None if tool == "ip" else tool)
    with pytest.raises(NamespacesError, match=r"there is no ip \(util-linux, iproute2\)"):
        Namespaces({"feeds": "10.73.0.1"})
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NamespacesError, match="this is darwin, and not Linux"):
        Namespaces({"feeds": "10.73.0.1"})


def test_what_the_system_refuses_is_told_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not allowed to do its work says so."""
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("shutil.which", lambda tool: tool)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(NamespacesError, match="unshare failed: Operation not permitted"):
        Namespaces({"feeds": "10.73.0.1"})


def test_on_loopback_each_node_has_an_address_and_all_meet_over_the_network() -> None:
    nodes = on_loopback(
        {
            "a": NodeSpec(host="alpha", listen="tls/0.0.0.0:7001", restarts=0),
            "b": NodeSpec(host="alpha"),
            "c": NodeSpec(host="beta", routers=("tls/router:7447",)),
        }
    )
    part = network_part(nodes, "c", ["a", "b"])
    assert (part.listen, part.connect, part.insecure) == (
        (),
        ("tcp/127.0.0.2:7001", "tcp/127.0.0.3:7447"),
        False,
    )
    assert nodes["a"].restarts == 0


def test_the_example_of_hosts_is_that_of_nodes() -> None:
    """But for where its nodes are, its name, and where it records."""
    nodes, hosts = (
        tomllib.loads((ROOT / "configs" / f"market_data_{name}.toml").read_text()) for name in ("cluster", "hosts")
    )
    for document in (nodes, hosts):
        del document["topology"]["name"], document["actors"]["recorder"]["config"]["path"]
        for spec in document["nodes"].values():
            for key in ("host", "listen", "insecure"):
                spec.pop(key, None)
    assert hosts == nodes
