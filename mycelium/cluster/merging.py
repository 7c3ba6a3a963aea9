"""One report of the reports of all nodes: as if their actors had run in one process, where nothing was lost on a link.

Each node balances by itself: to its ledger, an outlet is a receiver that has handled what it sent over the link,
and what comes over a link is sent by the inlet. Here both are taken out again: sent twice, handled at the outlet.
What was sent over a link and not delivered at its other end is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mycelium.errors.cluster import PeerLostError
from mycelium.ledger.report import (
    ActorCounts,
    ActorFailure,
    MessageCounts,
    OverflowCounts,
    Report,
    SourceProgress,
    StreamCounts,
    Times,
)

if TYPE_CHECKING:
    from mycelium.topology import ResolvedTopology

__all__ = ["add_up", "merge_reports", "report_from_dict"]

_T = TypeVar("_T")

#: The worst first: the whole is what its worst part is.
_STATES = ("aborted", "new", "running", "draining", "interrupted", "finished")


def report_from_dict(given: Mapping[str, Any]) -> Report:
    """The report that `Report.to_dict` told of. Raises ``KeyError`` and ``TypeError`` for what is none."""
    actors = tuple(
        _read(ActorCounts, row | {key: _read(Times, row[key]) for key in ("in_mailbox", "handling")})
        for row in given["actors"]
    )
    return _read(
        Report,
        dict(given)
        | {
            "messages": _rows(MessageCounts, given["messages"]),
            "actors": actors,
            "sources": _rows(SourceProgress, given["sources"]),
            "hand_off": _read(Times, given["hand_off"]),
            "failures": _rows(ActorFailure, given["failures"]),
            "overflows": _rows(OverflowCounts, given["overflows"]),
            "streams": _rows(StreamCounts, given["streams"]),
        },
    )


def _rows(kind: type[_T], rows: Iterable[Mapping[str, Any]]) -> tuple[_T, ...]:
    return tuple(_read(kind, row) for row in rows)


def _read(kind: type[_T], given: Mapping[str, Any]) -> _T:
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})  # type: ignore[arg-type]


def merge_reports(
    topology: ResolvedTopology,
    reports: Mapping[str, Report],
    *,
    seconds: float,
    died: Sequence[ActorFailure] = (),
    cut_short: bool = False,
    nodes: Collection[str] | None = None,
) -> Report:
    """The report of the whole topology, from the last report of each node.

    ``died`` are the nodes that ended without one, ``cut_short`` that they were stopped at once. ``nodes`` are those whose
    reports these are, where others run elsewhere: what goes to them and comes from them is left as their nodes told it.
    """
    here = None if nodes is None else {name for name, actor in topology.actors.items() if actor.node in nodes}
    added = add_up(topology.name, topology.actors, tuple(reports.values()), seconds=seconds, died=died, here=here)
    return replace(added, profile=topology.profile, state="aborted" if cut_short else added.state)


def add_up(
    name: str,
    actors: Iterable[str],
    every: Sequence[Report],
    *,
    seconds: float,
    died: Sequence[ActorFailure] = (),
    here: Collection[str] | None = None,
) -> Report:
    """One report of all, with ``actors`` in this order; ``here`` are those whose reports these are, all by default."""
    streams = tuple(row for report in every for row in report.streams)
    order = {name: position for position, name in enumerate(actors)}
    own = {row.actor: row for report in every for row in report.actors if row.actor in order}
    states = {report.state for report in every}
    if died and "new" in states:  # told to stop before it had begun, for the death of another one
        states = states - {"new"} | {"interrupted"}
    return Report(
        topology=name,
        profile=next((report.profile for report in every), None),
        state=next((state for state in _STATES if state in states), "interrupted"),
        seconds=seconds,
        messages=tuple(_messages(every, _crossing(_between(streams, here)))),
        actors=tuple(sorted(own.values(), key=lambda row: order[row.actor])),
        sources=tuple(sorted((row for report in every for row in report.sources), key=lambda row: order[row.actor])),
        hand_off=_times(report.hand_off for report in every),
        resident_bytes=sum(report.resident_bytes for report in every),
        peak_bytes=sum(report.peak_bytes for report in every),
        balanced=all(report.balanced for report in every),
        unrouted=dict(sum((Counter(report.unrouted) for report in every), Counter())),
        failures=(*_failures(every, died), *died),
        summaries=dict(
            sorted((pair for report in every for pair in report.summaries.items()), key=lambda pair: order[pair[0]])
        ),
        overflows=tuple(row for report in every for row in report.overflows),
        streams=streams,
        tlv=", ".join(sorted({report.tlv for report in every})),
    )


def _failures(reports: Sequence[Report], died: Sequence[ActorFailure]) -> Iterable[ActorFailure]:
    """What the nodes tell; where one refused its own configuration, that others lost it comes of the same."""
    refused = any(failure.by_input for failure in died)
    for report in reports:
        for row in report.failures:
            yield replace(row, by_input=True) if refused and row.error == PeerLostError.__name__ else row


def _between(streams: Sequence[StreamCounts], here: Collection[str] | None) -> Sequence[StreamCounts]:
    """Those with both ends here."""
    if here is None:
        return streams
    return [row for row in streams if row.sender in here and row.receiver in here]


#: A message as reports tell of it. Messages of different sets may have the same name.
_Message = tuple[int, str]
#: Of one message: sent over links, delivered behind them, and lost there.
_Crossing = tuple[Counter[_Message], Counter[_Message], Counter[_Message]]


def _crossing(streams: Sequence[StreamCounts]) -> _Crossing:
    """What crossed from node to node, by message.

    A node that died has told nothing of what it sent, or only of what it sent in its last life: what was delivered
    beyond that is taken as sent by this report alone, and is not taken out of it.
    """
    sent: Counter[tuple[str, str, _Message]] = Counter()
    delivered: Counter[tuple[str, str, _Message]] = Counter()
    for row in streams:
        counted = sent if row.what == "sent" else delivered
        counted[row.sender, row.receiver, (row.type_id, row.message)] += row.count
    passed, arrived, lost = Counter[_Message](), Counter[_Message](), Counter[_Message]()
    for way in {*sent, *delivered}:
        passed[way[2]] += sent[way]
        arrived[way[2]] += min(delivered[way], sent[way])
        lost[way[2]] += max(0, sent[way] - delivered[way])
    return passed, arrived, lost


def _messages(reports: Sequence[Report], crossing: _Crossing) -> Iterable[MessageCounts]:
    passed, arrived, lost = crossing
    columns = ("sent", "handled", "failed", "dropped", "dead_lettered", "in_flight")
    sums: dict[_Message, Counter[str]] = {}
    for report in reports:
        for row in report.messages:
            added = sums.setdefault((row.type_id, row.message), Counter())
            for column in columns:
                added[column] += getattr(row, column)
    for message, added in sorted(sums.items()):
        yield MessageCounts(
            message=message[1],
            type_id=message[0],
            sent=added["sent"] - arrived[message],
            handled=added["handled"] - passed[message],
            failed=added["failed"],
            dropped=added["dropped"],
            dead_lettered=added["dead_lettered"],
            in_flight=added["in_flight"],
            lost=lost[message],
        )


def _times(each: Iterable[Times]) -> Times:
    """Of all nodes together: the samples added up, and of the times the worst, for they cannot be."""
    every = [times for times in each if times.samples]
    return Times(
        samples=sum(times.samples for times in every),
        p50_us=max((times.p50_us for times in every), default=0.0),
        p99_us=max((times.p99_us for times in every), default=0.0),
        max_us=max((times.max_us for times in every), default=0.0),
    )
