"""The picture of `mycelium top` of a topology on several nodes: the nodes, all actors, and the ledger of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mycelium.ledger.report import Report
from mycelium.observing.adding import is_stream

from .fitted_table import FittedTable
from .format import bytes_text, count_text, rate_text, short_name, time_text
from .top_view import ActorTable, ledger_line, message_table, rate_since

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mycelium.observing.messages import Watching
    from mycelium.observing.snapshot import Snapshot
    from mycelium.observing.together import TopologyLook

__all__ = ["TopologyView"]

#: A node, an actor or a stream on it, and its rate.
_Row = tuple[str, "Watching.ActorState", float]

#: Lines beside the rows of tables: titles, heads, the ledger, the line of the cursor.
_LINES_BESIDE = 16
#: Lines of a table beside its rows.
_TABLE_LINES = 4

_NODE_HEADS = ("node", "state", "up", "handled/s", "handled", "in flight", "memory", "pid", "host")
_NODE_KEPT = (0, 1, 3, 5, 4, 6, 2, 7, 8)
_STREAM_HEADS = ("from one node to another", "waiting", "max", "sent/s", "sent", "dropped", "dead", "waited p50", "p99")
_STREAM_KEPT = (0, 1, 3, 4, 5, 6, 8, 7, 2)
_STYLES = {"away": "bold red", "silent": "bold red", "elsewhere": "dim", "running": "green"}


class TopologyView:
    """Makes pictures of looks that follow each other; rates are those between two, on each node by its own clock.

    ``room`` tells how many lines there are; actors that have no room are counted instead, the busiest stay.
    """

    def __init__(self, room: Callable[[], int] | None = None) -> None:
        self._room = room
        self._before: Mapping[str, Snapshot] = {}
        self._reported: Report | None = None

    def picture(self, look: TopologyLook) -> RenderableType:
        """The picture of this moment."""
        from rich.console import Group
        from rich.text import Text

        report = look.report()
        failures = [(name, one) for name, snapshot in look.seen.items() for one in snapshot.failures]
        every = list(self._rows(look))
        actors = [row for row in every if not is_stream(row[1].name)]
        streams = [row for row in every if is_stream(row[1].name)]
        room = None
        if self._room is not None:
            room = self._room() - _LINES_BESIDE - len(look.nodes) - len(report.messages) - len(failures)
        parts: list[RenderableType] = [_title(look, report), _node_table(look, actors)]
        parts.extend(ActorTable(with_nodes=True).lines(actors, room))
        if streams and (room is None or len(actors) + len(streams) + _TABLE_LINES <= room):
            parts.append(_stream_table(streams))
        if report.messages:
            parts.append(self._message_table(report))
        parts.extend(Text(f"{one.actor} on {name} failed: {one.text}", style="red") for name, one in failures)
        parts.append(ledger_line(report.total, balanced=report.balanced, links=report.total.lost))
        self._before, self._reported = look.seen, report
        return Group(*parts)

    def _rows(self, look: TopologyLook) -> Iterator[_Row]:
        """Each actor, and each stream to another node, with its node and its rate, which begins anew with its process."""
        for name, snapshot in look.seen.items():
            before = self._before.get(name)
            if before is None or before.node.pid != snapshot.node.pid:
                handled, passed = {}, snapshot.node.seconds
            else:
                handled = {str(actor.name): actor.handled for actor in before.actors}
                passed = snapshot.node.seconds - before.node.seconds
            for actor in snapshot.actors:
                yield name, actor, rate_since(actor.handled, handled.get(str(actor.name), 0), passed)

    def _message_table(self, report: Report) -> RenderableType:
        handled: dict[tuple[int, str], int] = {}
        passed = report.seconds
        if self._reported is not None:
            handled = {(row.type_id, row.message): row.handled for row in self._reported.messages}
            passed -= self._reported.seconds
        rows = [
            (row.message, rate_since(row.handled, handled.get((row.type_id, row.message), 0), passed), row)
            for row in report.messages
        ]
        return message_table(rows, [row.lost for row in report.messages])


def _node_table(look: TopologyLook, actors: Sequence[_Row]) -> RenderableType:
    from rich.text import Text

    table = FittedTable(_NODE_HEADS, _NODE_KEPT, left=(0, 1, 8))
    for node in look.nodes:
        state = Text(node.state, style=_STYLES.get(node.state, ""))
        if node.snapshot is None:
            table.add_row(short_name(node.name), state, *[""] * 6, node.host)
            continue
        said = node.snapshot.node
        own = [(actor.handled, rate) for name, actor, rate in actors if name == node.name]
        handled, rates = sum(count for count, _ in own), sum(rate for _, rate in own)
        cells = (f"{said.seconds:.0f} s", rate_text(rates) if rates else ".", count_text(handled))
        beside = (count_text(said.in_flight), bytes_text(said.resident_bytes), str(said.pid), node.host)
        table.add_row(short_name(node.name), state, *cells, *beside)
    return table


def _stream_table(rows: Sequence[_Row]) -> RenderableType:
    from rich.text import Text

    table = FittedTable(_STREAM_HEADS, _STREAM_KEPT)
    for _, stream, rate in rows:
        table.add_row(
            Text(stream.name),
            Text(count_text(stream.waiting), style="red" if stream.waiting >= (stream.capacity or 1) else ""),
            count_text(stream.waiting_max),
            rate_text(rate) if rate else ".",
            count_text(stream.handled),
            Text(count_text(stream.dropped), style="yellow" if stream.dropped else ""),
            Text(count_text(stream.dead_lettered), style="yellow" if stream.dead_lettered else ""),
            *(time_text(ns / 1000) if ns else "." for ns in (stream.mailbox_p50, stream.mailbox_p99)),
        )
    return table


def _title(look: TopologyLook, report: Report) -> RenderableType:
    from rich.text import Text

    profile = f" ({report.profile})" if report.profile else ""
    facts = [
        f"{len(look.seen)} of {len(look.nodes)} nodes",
        f"{sum(actor.alive for actor in report.actors)} of {len(report.actors)} actors alive",
        bytes_text(report.resident_bytes),
    ]
    return Text.assemble((look.topology, "bold"), f"{profile}  {report.seconds:.1f} s  {'  '.join(facts)}")
