"""The picture of `mycelium top`: tables of actors and messages, and the ledger in a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import click

from .fitted_table import FittedTable
from .format import bytes_text, count_text, rate_text, short_name, time_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mycelium.observing.messages import Watching
    from mycelium.observing.snapshot import Snapshot

__all__ = ["ActorTable", "TopView", "ledger_line", "message_table", "picture_svg", "print_picture", "rate_since"]

_WIDTH_ELSEWHERE = 160
_SVG_WIDTH = 140
#: Lines beside the rows of tables: titles, heads, the ledger, the line of the cursor.
_LINES_BESIDE = 12

#: The columns, and in which order they are kept where the terminal is too narrow for all of them.
_ACTOR_HEADS = (
    "actor", "waiting", "max", "handled/s", "handled", "failed", "dropped", "dead", "restarts",
    "mailbox p50", "p99", "handler p50", "p99",
)  # fmt: skip
_ACTOR_KEPT = (0, 1, 3, 5, 8, 6, 7, 4, 10, 12, 9, 11, 2)
_MESSAGE_HEADS = ("message", "handled/s", "sent", "handled", "failed", "dropped", "dead", "in flight")
_MESSAGE_KEPT = (0, 3, 7, 4, 5, 6, 2, 1)

#: Above this part of its capacity, what waits in a mailbox is shown in yellow, and full in red.
_HIGH = 0.5


class ActorTable:
    """A table of actors, with their nodes where there are several; ``rows`` are node, actor, and its rate."""

    def __init__(self, *, with_nodes: bool) -> None:
        self._with_nodes = with_nodes

    def lines(self, rows: Sequence[tuple[str, Watching.ActorState, float]], room: int | None) -> list[RenderableType]:
        """The table; actors that have no room are counted below it, the busiest stay."""
        from rich.text import Text

        shown = list(rows)
        if room is not None:
            ranked = sorted(shown, key=lambda row: (row[1].waiting, row[1].handled), reverse=True)
            busiest = {id(row) for row in ranked[: max(3, room)]}
            shown = [row for row in shown if id(row) in busiest]
        table = self._empty()
        for node, actor, rate in shown:
            style = "" if actor.alive else "dim"
            place = [Text(short_name(node), style=style)] if self._with_nodes else []
            table.add_row(Text(actor.name, style=style), *place, *_cells_of(actor, rate))
        left_out = len(rows) - len(shown)
        return [table, *([Text(f"and {left_out} more with less to do", style="dim")] if left_out else [])]

    def _empty(self) -> FittedTable:
        if not self._with_nodes:
            return FittedTable(_ACTOR_HEADS, _ACTOR_KEPT)
        # The node is the second column, and the fourth to be kept.
        moved = [column + (column > 0) for column in _ACTOR_KEPT]
        return FittedTable((_ACTOR_HEADS[0], "node", *_ACTOR_HEADS[1:]), [*moved[:3], 1, *moved[3:]], left=(0, 1))


def _cells_of(actor: Watching.ActorState, rate: float) -> list[RenderableType]:
    from rich.text import Text

    return [
        Text(count_text(actor.waiting), style=_style_of(actor.waiting, actor.capacity)),
        Text(count_text(actor.waiting_max), style=_style_of(actor.waiting_max, actor.capacity)),
        rate_text(rate) if rate else ".",
        count_text(actor.handled),
        Text(count_text(actor.failed), style="red" if actor.failed else ""),
        Text(count_text(actor.dropped), style="yellow" if actor.dropped else ""),
        Text(count_text(actor.dead_lettered), style="yellow" if actor.dead_lettered else ""),
        Text(count_text(actor.restarted), style="yellow" if actor.restarted else ""),
        *(_time(ns) for ns in (actor.mailbox_p50, actor.mailbox_p99, actor.handling_p50, actor.handling_p99)),
    ]


class TopView:
    """Makes pictures of snapshots that follow each other; rates are those between two.

    ``room`` tells how many lines there are; actors that have no room are counted instead, the busiest stay.
    """

    def __init__(self, room: Callable[[], int] | None = None) -> None:
        self._room = room
        self._seconds = 0.0
        self._actors: Mapping[str, int] = {}
        self._messages: Mapping[str, int] = {}

    def picture(self, snapshot: Snapshot) -> RenderableType:
        """The picture of this moment."""
        from rich.console import Group
        from rich.text import Text

        passed = snapshot.node.seconds - self._seconds
        parts: list[RenderableType] = [_title(snapshot)]
        if snapshot.actors:
            parts.extend(self._actor_table(snapshot, passed))
        if snapshot.messages:
            parts.append(self._message_table(snapshot, passed))
        parts.extend(Text(f"{one.actor} failed: {one.text}", style="red") for one in snapshot.failures)
        parts.append(ledger_line(snapshot.node, balanced=snapshot.node.balanced))
        self._seconds = snapshot.node.seconds
        self._actors = {actor.name: actor.handled for actor in snapshot.actors}
        self._messages = {message.name: message.handled for message in snapshot.messages}
        return Group(*parts)

    def _actor_table(self, snapshot: Snapshot, passed: float) -> list[RenderableType]:
        room = None
        if self._room is not None:
            room = self._room() - _LINES_BESIDE - len(snapshot.messages) - len(snapshot.failures)
        rows = [
            ("", actor, rate_since(actor.handled, self._actors.get(actor.name, 0), passed)) for actor in snapshot.actors
        ]
        return ActorTable(with_nodes=False).lines(rows, room)

    def _message_table(self, snapshot: Snapshot, passed: float) -> RenderableType:
        rows = []
        for row in snapshot.messages:
            rate = rate_since(row.handled, self._messages.get(row.name, 0), passed)
            rows.append((str(row.name), rate, row))
        return message_table(rows)


class _Counted(Protocol):
    """A row of a ledger."""

    @property
    def sent(self) -> int: ...
    @property
    def handled(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def dead_lettered(self) -> int: ...
    @property
    def in_flight(self) -> int: ...


def message_table(rows: Sequence[tuple[str, float, _Counted]], links: Sequence[int] = ()) -> RenderableType:
    """The ledger's rows, by name and rate; ``links`` are how many of each are under way between nodes."""
    if links:
        kept = (*_MESSAGE_KEPT[:3], len(_MESSAGE_HEADS), *_MESSAGE_KEPT[3:])
        table = FittedTable((*_MESSAGE_HEADS, "on links"), kept)
    else:
        table = FittedTable(_MESSAGE_HEADS, _MESSAGE_KEPT)
    for number, (name, rate, row) in enumerate(rows):
        counts = (row.sent, row.handled, row.failed, row.dropped, row.dead_lettered, row.in_flight)
        beside = [count_text(links[number])] if links else []
        table.add_row(name, rate_text(rate) if rate else ".", *map(count_text, counts), *beside)
    return table


def print_picture(picture: RenderableType) -> None:
    """Print it, fitted to a terminal, and wide elsewhere so that no line is cut."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_ELSEWHERE)
    with console.capture() as printed:
        console.print(picture)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()), color=sys.stdout.isatty() or None)


def picture_svg(picture: RenderableType, title: str) -> str:
    """The picture as an SVG document, in a window of a terminal."""
    import io

    from rich.console import Console

    console = Console(record=True, file=io.StringIO(), width=_SVG_WIDTH, highlight=False, color_system="truecolor")
    console.print(picture)
    return console.export_svg(title=title)


def _title(snapshot: Snapshot) -> RenderableType:
    from rich.text import Text

    node = snapshot.node
    profile = f" ({node.profile})" if node.profile else ""
    alive = sum(actor.alive for actor in snapshot.actors)
    facts = [
        f"{node.state}, {node.seconds:.1f} s",
        f"pid {node.pid}",
        f"{alive} of {len(snapshot.actors)} actors alive",
        bytes_text(node.resident_bytes),
        f"tlv {node.tlv}",
    ]
    if node.mailbox_p99:
        facts.append(f"mailbox p50 {_time(node.mailbox_p50)}, p99 {_time(node.mailbox_p99)}")
    name = f"{node.name}.{node.node}" if node.node else node.name
    return Text.assemble((name, "bold"), f"{profile}  {'  '.join(facts)}")


def ledger_line(total: _Counted, *, balanced: bool, links: int = 0) -> RenderableType:
    """The ledger's verdict in a line; ``links`` is what is under way between nodes, or is lost there."""
    from rich.text import Text

    parts = [f"{total.handled:,} handled"]
    named = (
        (total.dropped, "dropped"),
        (total.dead_lettered, "dead-lettered"),
        (total.in_flight, "in flight"),
        (links, "on links"),
    )
    parts.extend(f"{count:,} {name}" for count, name in named if count)
    verdict, style = ("balances", "green") if balanced else ("does not balance", "bold red")
    return Text(f"the ledger {verdict}: {total.sent:,} sent = {' + '.join(parts)}", style=style)


def rate_since(now: int, before: int, passed: float) -> float:
    """How many a second since the last look."""
    return max(0.0, (now - before) / passed) if passed > 0 else 0.0


def _time(ns: int) -> str:
    return time_text(ns / 1000) if ns else "."


def _style_of(waiting: int, capacity: int) -> str:
    if not capacity or waiting <= _HIGH * capacity:
        return ""
    return "red" if waiting >= capacity else "yellow"
