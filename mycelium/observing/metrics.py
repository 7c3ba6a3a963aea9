"""What the counters of a node say, for Prometheus. Needs the extra ``metrics``.

Nothing is counted for it: a `NodeCollector` reads, when it is scraped, what the ledger reads too. ::

    with serve_metrics(node, ":9100") as endpoint:
        print(endpoint.url)

A service that serves metrics of its own adds the collector to its registry instead:
``prometheus_client.REGISTRY.register(NodeCollector(node))``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mycelium.errors.observing import MetricsServerError, ObservingExtraError
from mycelium.ledger.latency import LatencyHistogram
from mycelium.ledger.tally import Tally
from tlv import implementation

from .address import Address, read_address

try:
    from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector
except ImportError as missing:
    raise ObservingExtraError(feature="--metrics", package="prometheus-client", extra="metrics") from missing

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox
    from mycelium.node import Node

__all__ = ["BUCKETS_NS", "MetricsEndpoint", "NodeCollector", "serve_metrics"]

#: The upper ends of the buckets of times, in nanoseconds: 1, 2.5 and 5 of each power of ten from 1 us to 10 s.
BUCKETS_NS = (*(int(part * 10**power) for power in range(3, 10) for part in (1, 2.5, 5)), 10**10)

_SAMPLED = "over one message in 64"

Counts = Iterable[tuple[str, str, int]]


class NodeCollector(Collector):
    """The metrics of one node, read off its counters at each scrape; works before its start and after its end."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """All metrics of this moment."""
        yield from self._about_the_node()
        yield from self._about_the_ledger()
        mailboxes = self._mailboxes()
        tallies = [mailbox.tally for mailbox in mailboxes]
        yield from self._about_messages(tallies)
        yield from self._about_actors(mailboxes)
        yield self._times("mailbox", f"Time in the mailbox, {_SAMPLED}", tallies, lambda tally: tally.latency)
        yield self._times("handling", f"Time in the handler, {_SAMPLED}", tallies, lambda tally: tally.handling)

    def _mailboxes(self) -> list[Mailbox]:
        return [actor.mailbox for actor in tuple(self._node._actors.values())]

    def _about_the_node(self) -> Iterator[Metric]:
        name, topology = self._node.name, self._node.topology
        told = {"profile": topology.profile or "", "tlv": implementation.running}
        info = InfoMetricFamily("mycelium_node", "The topology and how it runs", labels=("node",))
        info.add_metric((name,), told)
        yield info
        yield _gauge("mycelium_node_uptime_seconds", "Since its start", ("node",), [((name,), self._node.seconds)])

    def _about_the_ledger(self) -> Iterator[Metric]:
        reading = self._node.read_ledger()
        name = self._node.name
        labels = ("node", "message")
        sent = CounterMetricFamily(
            "mycelium_messages_sent", "Deliveries: a message to three counts thrice", labels=labels
        )
        for row in reading.rows:
            sent.add_metric((name, row.message), row.sent)
        yield sent
        yield _gauge(
            "mycelium_messages_in_flight",
            "Sent, and not yet handled",
            labels,
            [((name, row.message), row.in_flight) for row in reading.rows],
        )
        yield _gauge(
            "mycelium_ledger_balanced",
            "Whether sent = handled + dropped + dead letters + in flight",
            ("node",),
            [((name,), int(reading.balanced))],
        )

    def _about_messages(self, tallies: Iterable[Tally]) -> Iterator[Metric]:
        counted: tuple[tuple[str, str, Callable[[Tally], Iterable[tuple[Any, int]]]], ...] = (
            ("messages_handled", "Handled, also by a handler that raised", _from_cells("handled")),
            ("messages_failed", "Handled by a handler that raised", _from_cells("failed")),
            ("dead_letters", "Came to an actor that had stopped", lambda tally: tally.dead.copy().items()),
            ("messages_emitted", "Emitted by this actor, to however many", _emitted),
            ("messages_unrouted", "Emitted by this actor, to nobody", lambda tally: tally.unrouted.copy().items()),
        )
        for name, text, counts in counted:
            family = CounterMetricFamily(f"mycelium_{name}", text, labels=("node", "actor", "message"))
            for tally in tallies:
                for kind, count in counts(tally):
                    family.add_metric((self._node.name, tally.name, kind.__name__), count)
            yield family
        dropped = CounterMetricFamily(
            "mycelium_messages_dropped",
            "Not handled: ignored by the actor, or dropped, conflated or rejected by its full mailbox",
            labels=("node", "actor", "message", "reason"),
        )
        for tally in tallies:
            for kind, count in _from_cells("dropped")(tally):
                dropped.add_metric((self._node.name, tally.name, kind.__name__, "ignored"), count)
            for (kind, what), count in tally.overflowed.copy().items():
                dropped.add_metric((self._node.name, tally.name, kind.__name__, what), count)
        yield dropped

    def _about_actors(self, mailboxes: Iterable[Mailbox]) -> Iterator[Metric]:
        def each(value: Callable[[Mailbox], float]) -> list[tuple[tuple[str, ...], float]]:
            return [((self._node.name, mailbox.tally.name), value(mailbox)) for mailbox in mailboxes]

        labels = ("node", "actor")
        restarts = CounterMetricFamily("mycelium_actor_restarts", "How often it was made anew", labels=labels)
        for names, count in each(lambda mailbox: mailbox.tally.restarts):
            restarts.add_metric(names, count)
        yield restarts
        yield _gauge(
            "mycelium_actor_alive",
            "Whether it takes messages",
            labels,
            each(lambda mailbox: int(mailbox.started and not mailbox.refusing)),
        )
        yield _gauge("mycelium_mailbox_messages", "How many wait", labels, each(len))
        yield _gauge(
            "mycelium_mailbox_messages_max",
            "The most that waited",
            labels,
            each(lambda mailbox: mailbox.high_water_mark),
        )
        yield _gauge(
            "mycelium_mailbox_capacity_messages", "How many may wait", labels, each(lambda mailbox: mailbox.capacity)
        )

    def _times(
        self, name: str, text: str, tallies: Iterable[Tally], histogram_of: Callable[[Tally], LatencyHistogram]
    ) -> Metric:
        family = HistogramMetricFamily(f"mycelium_{name}_seconds", text, labels=("node", "actor"))
        for tally in tallies:
            histogram = histogram_of(tally)
            total = histogram.total_ns / 1e9
            *counts, samples = histogram.cumulative(BUCKETS_NS)
            buckets = [(str(end / 1e9), float(count)) for end, count in zip(BUCKETS_NS, counts, strict=True)]
            family.add_metric((self._node.name, tally.name), [*buckets, ("+Inf", float(samples))], total)
        return family


class MetricsEndpoint:
    """An HTTP server in a thread of its own; ``url`` is where the metrics are."""

    def __init__(self, node: Node, address: Address) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(NodeCollector(node))
        try:
            self._server, self._thread = start_http_server(address.port, address.host or "0.0.0.0", registry)  # noqa: S104 - as asked for
        except (OSError, UnicodeError) as refused:
            reason = getattr(refused, "strerror", None) or str(refused)
            raise MetricsServerError(address=str(address), reason=reason) from refused
        self.url = f"http://{Address(address.host or 'localhost', self._server.server_port)}/metrics"

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve_metrics(node: Node, address: str) -> MetricsEndpoint:
    """Serve the metrics of ``node`` at ``address``, ``host:port``; without a host on all interfaces.

    Raises `MetricsAddressError`, `MetricsServerError` where the port is taken, and `ObservingExtraError`
    where prometheus-client is not installed.
    """
    return MetricsEndpoint(node, read_address(address))


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def _from_cells(column: str) -> Callable[[Tally], Iterable[tuple[Any, int]]]:
    return lambda tally: ((kind, getattr(cell, column)) for kind, cell in tuple(tally.cells.items()))


def _emitted(tally: Tally) -> Iterator[tuple[Any, int]]:
    counts: dict[Any, int] = {}
    for route in tuple(tally.routes):
        counts[route.message] = counts.get(route.message, 0) + route.emitted
    yield from counts.items()
