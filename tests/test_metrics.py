"""Metrics for Prometheus: what a scrape over HTTP says about a node, and where they may be served."""

from __future__ import annotations

import importlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from mycelium import Actor, Bounded, Node, Source, Topology, handles
from mycelium.cli import cli
from mycelium.errors.observing import MetricsAddressError, MetricsServerError, ObservingExtraError
from mycelium.errors.topology import TopologyRefusedError
from mycelium.logging import reset_logging
from mycelium.observing.address import Address, read_address
from mycelium.observing.metrics import BUCKETS_NS, MetricsEndpoint, serve_metrics
from tlv import TLV, i64

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 30.0
COUNT = 1_000

Labels = frozenset[tuple[str, str]]


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class Ticks(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        for number in range(COUNT):
            yield Tick(number=number)


class Adder(Actor, receives=Tick, emits=Sum):
    def __init__(self) -> None:
        super().__init__()
        self.sum = 0

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.sum += tick.number
        self.emit(Sum(number=self.sum))


class Deaf(Actor, receives=Tick, ignores=Tick):
    pass


class Gate(Actor, receives=Tick, mailbox=Bounded(4, overflow="drop_newest")):
    """Handles when it is let; breaks at a negative number."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.let = threading.Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.entered.set()
        assert self.let.wait(DEADLINE)
        if tick.number < 0:
            raise LookupError


class Scrape:
    """The samples of one scrape."""

    def __init__(self, endpoint: MetricsEndpoint) -> None:
        with urlopen(endpoint.url, timeout=DEADLINE) as answer:
            self.text = answer.read().decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}
        self.samples: dict[tuple[str, Labels], float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples[f"mycelium_{name}", frozenset(labels.items())]


@pytest.fixture(scope="module")
def scrapes() -> Iterator[tuple[Scrape, Scrape, Node]]:
    """Before the start of a node, and after its end."""
    node = Node(Topology(name="sums", actors={"ticks": Ticks, "adder": Adder, "deaf": Deaf}))
    with serve_metrics(node, "localhost:0") as endpoint:
        before = Scrape(endpoint)
        with node:
            node.refs["deaf"].tell(Tick(number=0))
            assert node.wait(DEADLINE)
        yield before, Scrape(endpoint), node


@pytest.fixture
def after_a_run(scrapes: tuple[Scrape, Scrape, Node]) -> tuple[Scrape, Node]:
    return scrapes[1:]


def test_messages_are_counted_by_actor_and_message(after_a_run: tuple[Scrape, Node]) -> None:
    scrape, _ = after_a_run
    tick = {"node": "sums", "message": "Tick"}
    assert scrape.value("messages_sent_total", **tick) == COUNT + 1
    assert scrape.value("messages_emitted_total", actor="ticks", **tick) == COUNT
    assert scrape.value("messages_handled_total", actor="adder", **tick) == COUNT
    assert scrape.value("messages_failed_total", actor="adder", **tick) == 0
    assert scrape.value("messages_dropped_total", actor="deaf", reason="ignored", **tick) == 1
    assert scrape.value("messages_unrouted_total", actor="adder", node="sums", message="Sum") == COUNT
    assert scrape.value("messages_in_flight", **tick) == 0
    assert scrape.value("ledger_balanced", node="sums") == 1


def test_actors_and_the_node_are_described(after_a_run: tuple[Scrape, Node]) -> None:
    scrape, node = after_a_run
    adder = {"node": "sums", "actor": "adder"}
    assert scrape.value("actor_alive", **adder) == 0
    assert scrape.value("actor_restarts_total", **adder) == 0
    assert scrape.value("mailbox_messages", **adder) == 0
    assert scrape.value("mailbox_messages_max", **adder) == node.report().actors[1].waiting_max
    assert scrape.value("mailbox_capacity_messages", **adder) == 16_384
    assert scrape.value("node_uptime_seconds", node="sums") == pytest.approx(node.seconds)
    (info,) = scrape.families["mycelium_node_info"].samples
    assert info.labels["tlv"] in {"native", "python", "legacy"}
    assert scrape.samples["process_resident_memory_bytes", frozenset()] > 1e6


def test_times_are_histograms_whose_buckets_add_up(after_a_run: tuple[Scrape, Node]) -> None:
    scrape, node = after_a_run
    counts = next(actor for actor in node.report().actors if actor.actor == "adder")
    adder = {"node": "sums", "actor": "adder"}
    for name, times in (("mailbox_seconds", counts.in_mailbox), ("handling_seconds", counts.handling)):
        buckets = [scrape.value(f"{name}_bucket", le=str(end / 1e9), **adder) for end in BUCKETS_NS]
        samples = scrape.value(f"{name}_count", **adder)
        assert samples == times.samples == COUNT // 64 + 1
        assert buckets == sorted(buckets)
        assert scrape.value(f"{name}_bucket", le="+Inf", **adder) == samples
        assert 0 < scrape.value(f"{name}_sum", **adder) <= samples * times.max_us / 1e6


def test_names_follow_the_conventions_of_prometheus(after_a_run: tuple[Scrape, Node]) -> None:
    """Base units, at the end of the name; counters end in _total; every metric has a help text."""
    scrape, _ = after_a_run
    ours = {name: family for name, family in scrape.families.items() if name.startswith("mycelium_")}
    assert len(ours) >= 15
    for name, family in ours.items():
        assert re.fullmatch(r"mycelium(_[a-z]+)+", name), name
        assert family.documentation, name
        if family.type == "counter":
            assert all(sample.name == f"{name}_total" for sample in family.samples)
        assert not name.endswith(("_ms", "_us", "_ns", "_count", "_sum")), name


def test_a_scrape_sees_a_node_at_work_and_its_failures() -> None:
    node = Node(Topology(name="gates", actors={"gate": Gate}))
    tick = {"node": "gates", "actor": "gate", "message": "Tick"}
    with serve_metrics(node, "127.0.0.1:0") as endpoint, node:
        gate = node._actors["gate"]
        assert isinstance(gate, Gate)
        ref = node.refs["gate"]
        ref.tell(Tick(number=-1))
        assert gate.entered.wait(DEADLINE)
        for number in range(6):
            ref.tell(Tick(number=number))
        scrape = Scrape(endpoint)
        assert scrape.value("actor_alive", node="gates", actor="gate") == 1
        assert scrape.value("mailbox_messages", node="gates", actor="gate") == 4
        assert scrape.value("messages_dropped_total", reason="dropped", **tick) == 2
        assert scrape.value("messages_in_flight", node="gates", message="Tick") == 5
        gate.let.set()
        assert gate.ended.wait(DEADLINE)
        scrape = Scrape(endpoint)
    assert scrape.value("messages_failed_total", **tick) == scrape.value("messages_handled_total", **tick) == 1
    assert scrape.value("dead_letters_total", **tick) == 4
    assert scrape.value("messages_in_flight", node="gates", message="Tick") == 0


def test_a_node_that_has_not_started_can_be_scraped(scrapes: tuple[Scrape, Scrape, Node]) -> None:
    before, _, _ = scrapes
    assert before.value("node_uptime_seconds", node="sums") == 0
    assert not before.families["mycelium_mailbox_messages"].samples


# Where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (":9100", Address("", 9100)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("some.host:65535", Address("some.host", 65_535)),
        ("[::1]:9100", Address("::1", 9100)),
    ],
)
def test_an_address_is_a_host_and_a_port(given: str, read: Address) -> None:
    assert read_address(given) == read
    assert read_address(str(read)) == read


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("9100", "there is no colon"),
        ("", "there is no colon"),
        (":", "the port is '' and no number"),
        (":http", "the port is 'http' and no number"),
        (":-1", "the port is '-1' and no number"),
        (":١", "and no number"),
        (":65536", "a port is at most 65535"),
        (":" + "9" * 5_000, "a port is at most 65535"),
        ("::1:9100", "an IPv6 address stands in brackets"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(given: str, reason: str) -> None:
    with pytest.raises(MetricsAddressError, match=re.escape(reason)):
        read_address(given)


def test_a_port_in_use_is_a_declared_error() -> None:
    node = Node(Topology(name="sums", actors={"ticks": Ticks}))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MetricsServerError, match=rf"OBS-003\] cannot serve metrics at 127\.0\.0\.1:{port}"):
            serve_metrics(node, f"127.0.0.1:{port}")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70, "."])
def test_a_host_that_is_none_is_a_declared_error(host: str) -> None:
    with pytest.raises(MetricsServerError, match="OBS-003"):
        serve_metrics(Node(Topology(name="sums", actors={"ticks": Ticks})), f"{host}:0")


def test_a_topology_may_say_where() -> None:
    with pytest.raises(TopologyRefusedError, match=r"metrics.*no address to serve metrics at"):
        Topology(name="sums", actors={"ticks": Ticks}, metrics="nowhere")
    assert Node(Topology(name="sums", actors={"ticks": Ticks}, metrics=":0")).topology.metrics == ":0"


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "mycelium.observing.metrics")
    with pytest.raises(ObservingExtraError, match=r"prometheus-client.*mycelium-actors\[metrics\]"):
        importlib.import_module("mycelium.observing.metrics")


# The command ------------------------------------------------------------------------------------------------------

DEMO = """
[topology]
name = "demo"
{key}
[actors.ticker]
class = "tests.topology_actors:Ticker"
[actors.tape]
class = "tests.topology_actors:Tape"
[actors.board]
class = "tests.topology_actors:Board"
"""


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("MYCELIUM_METRICS", raising=False)
    file = tmp_path / "demo.toml"
    file.write_text(DEMO.format(key='metrics = "192.0.2.1:1"'))
    yield file
    reset_logging()


def test_run_serves_them_where_the_option_says(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYCELIUM_METRICS", "environment")
    result = CliRunner().invoke(cli, ["run", str(demo), "--metrics", "127.0.0.1:0"])
    assert result.exit_code == 0, result.output
    assert re.search(r"^metrics at http://127\.0\.0\.1:\d+/metrics$", result.stderr, re.MULTILINE)


def test_the_environment_comes_after_the_option_and_then_the_topology(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = CliRunner().invoke(cli, ["run", str(demo)])
    assert told.stderr.startswith("mycelium: [OBS-003] cannot serve metrics at 192.0.2.1:1")
    monkeypatch.setenv("MYCELIUM_METRICS", "environment")
    told = CliRunner().invoke(cli, ["run", str(demo)])
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("mycelium: [OBS-002] 'environment' is no address")


def test_who_serves_no_metrics_loads_nothing_for_them(tmp_path: Path) -> None:
    (tmp_path / "demo.toml").write_text(DEMO.format(key=""))
    program = (
        "import sys; from mycelium import Node, Topology\n"
        f"node = Node(Topology.load({str(tmp_path / 'demo.toml')!r}))\n"
        "with node: node.wait()\n"
        "sys.exit('prometheus_client' in sys.modules or 'mycelium.observing' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT, env=environment).returncode == 0
