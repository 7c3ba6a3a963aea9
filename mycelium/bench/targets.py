"""What the project set out to reach on a machine of two cores, and whether a run reached it.

The first targets are those of the whole, whichever implementation of tlv runs; the others are the
compiled core's, and are not judged where its twin runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mycelium.cli.format import rate_text
from tlv import implementation

from .asking import INSIDE, OURS_ASK, P50, P99, PYKKA_ASK
from .contest import TIME, Figure
from .fan_out import ONE_RECEIVER
from .footprint import LINKED_SERVICE, RESIDENT, SERVICE
from .hops import CHAIN, HAND_OFF, PINNED_HOP
from .hot_path import AS_BYTES, DISPATCH, OWN, REF_FROM, VALIDATE
from .links import IPC_FRAMES, PIPE, POLLING, TCP_FRAMES, TCP_WAITING, WAITING, ZENOH, ZMQ
from .many_actors import ACTORS, COUNT, HELD, WHOLE
from .nodes import AN_IDLE_NODE, EIGHT_NODES, OF_A_CORE, STARTED
from .observing import LOOKED_AT, UNSEEN
from .result import ContestResult
from .sharding import APART, ONE_PROCESS
from .supervising import UNWATCHED, WATCHED
from .telling import FRAMES, NAUTILUS_PUBLISH, OURS_TELL, PYKKA_TELL, UNBOUNDED_TELL
from .units import ratio_text

__all__ = ["TARGETS", "Target", "Verdict", "judge"]

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of one contestant and its limit.

    With ``against``, a reference: at least that ratio of it, or with ``at_most`` that many times its
    time. Without: at least so many operations a second, or of a figure that has no rate at most that
    value. ``native``: set for the compiled core.
    """

    name: str
    contest: str
    contestant: str
    figure: Figure
    limit: float
    against: str = ""
    at_most: bool = False
    native: bool = False

    @property
    def text(self) -> str:
        """What is to be reached."""
        if self.against:
            of = "the time of " if self.at_most else ""
            return f"{'at most' if self.at_most else 'at least'} {ratio_text(self.limit)} {of}{self.against}"
        if self.figure.unit.has_rate:
            return f"at least {_per_second(self.limit)}"
        return f"at most {self.figure.unit.text(self.limit)}"

    def judge(self, result: ContestResult) -> Verdict:
        """Compare what was measured with the limit."""
        if self.native and implementation.running != "native":
            return self._unmeasured("not for this implementation")
        available = {one.name for one in result.contest.available}
        for name in (self.contestant, self.against or self.contestant):
            if name not in available:
                return self._unmeasured(f"{name} is left out")
        row = result.row(self.contestant, self.figure.name)
        if self.against:
            ratio = row.ratios[self.against]
            values = (ratio.median, ratio.best)
            if self.at_most and self.figure.unit.has_rate:  # a ratio of speed; the time is its reciprocal
                values = (1 / ratio.median, 1 / ratio.best)
            return self._verdict(*values, ratio_text)
        if self.figure.unit.has_rate:
            return self._verdict(1 / row.median, 1 / row.best, _per_second)
        return self._verdict(row.median, row.best, self.figure.unit.text, at_most=True)

    def _verdict(self, median: float, best: float, text: Callable[[float], str], *, at_most: bool = False) -> Verdict:
        def holds(value: float) -> bool:
            return value <= self.limit if at_most or self.at_most else value >= self.limit

        reached = "yes" if holds(median) else "at best" if holds(best) else "no"
        return Verdict(self, median, best, text(median), text(best), reached)

    def _unmeasured(self, reason: str) -> Verdict:
        return Verdict(self, None, None, "", "", reason)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target was reached: ``yes`` by the median of the rounds, ``at best`` only by the best
    one, or ``no``; else why it was not measured.
    """

    target: Target
    median: float | None
    best: float | None
    median_text: str
    best_text: str
    reached: str


def _native(
    name: str, contest: str, contestant: str, limit: float, against: str = "", *, at_most: bool = False
) -> Target:
    return Target(name, contest, contestant, TIME, limit, against, at_most, native=True)


TARGETS = (
    Target("construction", "construction", "TradeTLV, keyword", TIME, 1.0e6),
    Target("parsing and two fields", "parsing", "ref_from, bytes", TIME, 1.6e6),
    Target("tell, end to end", "tell", OURS_TELL, TIME, 8.0, against=PYKKA_TELL),
    Target("bounded against unbounded", "tell", OURS_TELL, TIME, 1.15, against=UNBOUNDED_TELL, at_most=True),
    Target("fan-out to 10", "fan_out", "mycelium, 10 receivers", TIME, 1.15, against=ONE_RECEIVER, at_most=True),
    Target("fan-out to 100", "fan_out", "mycelium, 100 receivers", TIME, 1.15, against=ONE_RECEIVER, at_most=True),
    Target("metrics and top", "observing", LOOKED_AT, TIME, 1.1, against=UNSEEN, at_most=True),
    Target("supervision and ledger", "supervision", WATCHED, TIME, 1.1, against=UNWATCHED, at_most=True),
    Target("memory of a service", "memory", SERVICE, RESIDENT, 50.0 * MB),
    Target("the same, with links", "memory", LINKED_SERVICE, RESIDENT, 50.0 * MB),
    Target("start of 8 nodes", "start_nodes", EIGHT_NODES, STARTED, 3.0),
    Target("an idle node", "idle", AN_IDLE_NODE, OF_A_CORE, 0.01),
    Target("two processes against one", "sharding", APART, TIME, 1.7, against=ONE_PROCESS, native=True),
    Target("to another process, polling", "link_hops", POLLING, P50, 15e-6),
    Target("to another process, polling", "link_hops", POLLING, P99, 35e-6),
    Target("to another process, waiting", "link_hops", WAITING, P50, 1.5, PIPE, at_most=True),
    Target("over TCP, waiting", "link_hops", TCP_WAITING, P50, 1.3, ZENOH, at_most=True),
    Target("100,000 actors in 10 s", "many_actors", ACTORS, WHOLE, 10.0 / COUNT),
    Target("one of 100,000 actors", "many_actors", ACTORS, HELD, 2_000.0, native=True),
    _native("tell, end to end", "tell", OURS_TELL, 20.0, PYKKA_TELL),
    _native("tell, end to end", "tell", OURS_TELL, 3.0, NAUTILUS_PUBLISH),
    _native("tell, end to end", "tell", OURS_TELL, 3.0e6),
    _native("frames, end to end", "tell", FRAMES, 8.0e6),
    _native("frames to another process", "link_frames", IPC_FRAMES, 5.0e6),
    _native("frames to another process", "link_frames", IPC_FRAMES, 5.0, ZMQ),
    _native("frames over TCP", "link_frames", TCP_FRAMES, 3.0e6),
    Target("ask from outside", "ask", OURS_ASK, P50, 0.6, PYKKA_ASK, at_most=True, native=True),
    Target("ask between actors, p50", "ask", INSIDE, P50, 5e-6, native=True),
    Target("ask between actors, p99", "ask", INSIDE, P99, 35e-6, native=True),
    Target("hop, p50", "hops", CHAIN, P50, 3e-6, native=True),
    Target("hop, p99", "hops", CHAIN, P99, 35e-6, native=True),
    Target("hop of pinned actors", "hops", PINNED_HOP, P50, 1.3, HAND_OFF, at_most=True, native=True),
    _native("construct, keyword", "construction", "TradeTLV, keyword", 1.0, "msgspec.Struct, keyword"),
    _native("construct, positional", "construction", "TradeTLV, positional", 1.0, "msgspec.Struct, positional"),
    _native("construct, keyword", "construction", "TradeTLV, keyword", 10.0e6),
    _native("ref_from and two fields", "parsing", "ref_from, bytes", 1.0, "struct.unpack_from"),
    _native("ref_from and two fields", "parsing", "ref_from, bytes", 4.0, "ctypes.from_buffer"),
    _native("a field of a view", "field", "TradeTLV, view", 2.0, "msgspec.Struct", at_most=True),
    _native("a field of a view", "field", "TradeTLV, view", 0.7, "ctypes", at_most=True),
    _native("frame into a handler", "dispatch", "read_frame, dispatch", 8.0e6),
    _native("frame into a handler", "dispatch", "read_frame, dispatch", 1.0, "struct.iter_unpack, for"),
    _native("a column of 1,000", "columns", "Batch.column, sum", 1.1, "numpy array, sum", at_most=True),
    _native("a column of 100,000", "long_columns", "Batch.column, sum", 1.1, "numpy array, sum", at_most=True),
    _native(
        "validate three constraints",
        "validation",
        "three constraints, ref_from_validated",
        1.5,
        "TradeTLV, ref_from",
        at_most=True,
    ),
    _native(
        "validate a trade, four",
        "validation",
        "TradeTLV, ref_from_validated",
        1.5,
        "TradeTLV, ref_from",
        at_most=True,
    ),
    _native("DBN trades, two fields", "databento", "Batch.over, two fields", 1.8, "databento-dbn, two fields"),
    _native("DBN trades, one summed", "databento", "Batch.over, column, sum", 50.0, "databento-dbn, sum"),
    *(
        Target(f"allocator calls, {name}", "allocator_calls", name, OWN, 0.0, native=True)
        for name in (REF_FROM, VALIDATE, AS_BYTES, DISPATCH)
    ),
)


def judge(results: Iterable[ContestResult]) -> Iterator[Verdict]:
    """The verdicts over those targets whose contest was held."""
    held = {result.contest.name: result for result in results}
    for target in TARGETS:
        if target.contest in held:
            yield target.judge(held[target.contest])


def _per_second(rate: float) -> str:
    return f"{rate_text(rate)}/s"
