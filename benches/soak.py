"""Is every message accounted for when much goes wrong for long? ``make soak``, or ``python -m benches.soak``.

The example topology runs again and again: actors crash by chance and are restarted, mailboxes overflow
under each policy, receivers are slow, and strangers tell and ask from threads of their own. After
each run the ledger must balance to the message, and the memory of the process must stay where it was.
Exits with 1 where either does not hold.
"""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from traceback import walk_tb
from typing import Any

import pykka
import structlog

from benches.rough import rough_topology
from mycelium import LedgerReading, Node
from mycelium.cli.format import plain_table
from mycelium.errors import MailboxFullError
from mycelium.ledger.memory import resident_bytes
from tlv.market_data import PriceUpdateTLV, QuoteTLV, SpreadUpdateTLV, TradeTLV

#: What the memory may grow by after the first runs, in which caches and pools of the interpreter fill.
GROWTH_MB_MAX = 16.0
#: Messages of the source in one run.
RUN = 40_000
#: Runs before memory is first looked at.
WARM_RUNS = 3
MB = 1_000_000
STRANGERS = 2
ASK_S = 5.0


@dataclass
class Soak:
    """What happened so far, over all runs."""

    runs: int = 0
    sent: int = 0
    restarts: int = 0
    refused: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    overflows: Counter[str] = field(default_factory=Counter)
    resident: list[int] = field(default_factory=list)
    resident_max: int = 0
    wrong: list[str] = field(default_factory=list)
    started: float = field(default_factory=monotonic)

    def add(self, node: Node) -> None:
        """Count what a run did, and note what does not add up."""
        reading = node.read_ledger()
        self.runs += 1
        self.sent += reading.total.sent
        self.restarts += _restarts(reading)
        for column in ("handled", "dropped", "dead_lettered"):
            self.counts[column] += getattr(reading.total, column)
        for row in reading.overflows:
            self.overflows[row.what] += row.count
        self.wrong += [f"run {self.runs}: {problem}" for problem in _problems(node, reading)]
        gc.collect()
        self.resident.append(resident_bytes())
        self.resident_max = max(self.resident_max, self.resident[-1])

    @property
    def growth_mb(self) -> float | None:
        """By how much the memory at rest is above that of the first runs; None after too few runs to tell."""
        if self.runs < 2 * WARM_RUNS:
            return None
        return (min(self.resident[-WARM_RUNS:]) - min(self.resident[WARM_RUNS - 1 : 2 * WARM_RUNS])) / MB

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, and the memory did not grow."""
        return not self.wrong and (self.growth_mb is None or self.growth_mb <= GROWTH_MB_MAX)

    @property
    def memory(self) -> str:
        """What is to be said of the memory."""
        growth = "too few runs to compare" if self.growth_mb is None else f"{self.growth_mb:+.1f} MB since warm"
        peak, rest = self.resident_max / MB, self.resident[-1] / MB
        return f"{growth}, at most +{GROWTH_MB_MAX:g}; {rest:.1f} MB at rest, {peak:.1f} MB seen at most"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until there were as many messages, or as much time has passed, as asked for; 0 where all holds."""
    asked = _arguments(arguments)
    _be_quiet()
    soak = Soak()
    deadline = soak.started + asked.seconds
    stopped = threading.Event()
    with _stopped_by_signals(stopped), tempfile.TemporaryDirectory(prefix="mycelium-soak-") as folder:
        while not stopped.is_set() and soak.sent < asked.messages and monotonic() < deadline:
            topology = rough_topology(asked.seed + soak.runs, RUN, Path(folder) / "soak.frames")
            node = Node(topology)
            _run(node, soak, stopped, deadline, asked.messages)
            soak.add(node)
    _tell(soak, asked.seed)
    return 0 if soak.holds else 1


def _run(node: Node, soak: Soak, stopped: threading.Event, deadline: float, messages: int) -> None:
    with node:
        strangers = [threading.Thread(target=_annoy, args=(node, soak, number)) for number in range(STRANGERS)]
        for stranger in strangers:
            stranger.start()
        while not node.wait(1.0):
            reading = node.read_ledger()
            _show(soak, soak.sent + reading.total.sent, _restarts(reading))
            if stopped.is_set() or monotonic() >= deadline or soak.sent + reading.total.sent >= messages:
                node.request_stop()
        for stranger in strangers:
            stranger.join()


def _annoy(node: Node, soak: Soak, number: int) -> None:
    """Tell and ask the actors from outside, in a fixed order, until the sources are done."""
    random = Random(f"stranger {number}/{soak.runs}")
    refs = node.refs
    kinds: tuple[tuple[str, Any], ...] = (
        ("tape", TradeTLV(4_200_000_000_000, 1_000, 1, 101)),
        ("spread", QuoteTLV(1, 2, 1, 1, 1, 101)),
        ("arbitrage", QuoteTLV(1, 2, 1, 1, 1, 101)),
        ("monitor", SpreadUpdateTLV(1, 2, 1, 101)),
        ("monitor", PriceUpdateTLV(1, 2, 1, 101)),
        ("recorder", TradeTLV(1, 1, 1, 101)),
    )
    nap = threading.Event()
    source: Any = node._actors["simulated_venues"]
    while not source.finished.is_set() and not node.stop_requested:
        for _ in range(random.randrange(400)):
            name, message = random.choice(kinds)
            try:
                refs[name].tell(message)
            except MailboxFullError:
                soak.refused += 1
        name, message = random.choice(kinds)
        try:
            refs[name].ask(message, timeout=ASK_S)
        except (MailboxFullError, pykka.ActorDeadError, pykka.Timeout, RuntimeError):
            soak.refused += 1
        nap.wait(random.random() / 50)


def _problems(node: Node, reading: LedgerReading) -> Iterator[str]:
    if not reading.exact:
        yield "the ledger could not be read at rest"
    for row in reading.rows:
        if row.difference or row.in_flight:
            yield f"{row.message}: difference {row.difference:+,}, in flight {row.in_flight:,} ({row})"
    for failure in node.failures:
        if not _is_refused_at_the_end(node._actors[failure.actor].failure):
            yield f"{failure.actor} failed: {failure.error}"


def _is_refused_at_the_end(error: BaseException | None) -> bool:
    """Whether an actor sent its last in `on_stop` to a full mailbox that rejects: counted, and not lost."""
    if not isinstance(error, MailboxFullError):
        return False
    return any(frame.f_code.co_name == "on_stop" for frame, _ in walk_tb(error.__traceback__))


def _restarts(reading: LedgerReading) -> int:
    return sum(row.restarted for row in reading.actors)


def _show(soak: Soak, sent: int, restarts: int) -> None:
    seconds = monotonic() - soak.started
    resident = resident_bytes()
    soak.resident_max = max(soak.resident_max, resident)
    print(
        f"{seconds:6.0f} s  {sent:>12,} messages  {sent / seconds:>9,.0f}/s  run {soak.runs + 1}"
        f"  {soak.restarts + restarts:,} restarts  {resident / MB:.1f} MB",
        end="\r" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )


def _tell(soak: Soak, seed: int) -> None:
    seconds = monotonic() - soak.started
    accounted = sum(soak.counts.values())
    rows: list[tuple[str, str]] = [
        ("messages sent", f"{soak.sent:,} in {soak.runs} runs, {seconds:.0f} s, seed {seed}"),
        *((f"  {name.replace('_', '-')}", f"{count:,}") for name, count in soak.counts.items()),
        ("difference", f"{soak.sent - accounted:,}"),
        ("overflows", ", ".join(f"{count:,} {what}" for what, count in sorted(soak.overflows.items())) or "none"),
        ("restarts", f"{soak.restarts:,}"),
        ("refused to strangers", f"{soak.refused:,}"),
        ("memory", soak.memory),
        ("verdict", "holds" if soak.holds else "DOES NOT HOLD"),
    ]
    for line in plain_table(("soak", ""), rows, left=(0, 1)):
        print(line)
    for problem in soak.wrong:
        print(problem)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").partition("\n\n")[0])
    number = lambda text: int(text.replace("_", ""))  # noqa: E731
    parser.add_argument("--messages", type=number, default=10_000_000, help="how many, by the ledger (10,000,000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="how long at most")
    parser.add_argument("--seed", type=int, default=1, help="of the crashes, and of the messages")
    return parser.parse_args(given)


def _be_quiet() -> None:
    """Failures are the point here: their logs would take most of the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("pykka").setLevel(logging.CRITICAL)


@contextmanager
def _stopped_by_signals(stopped: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in hand, which is drained and told of as always."""
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
