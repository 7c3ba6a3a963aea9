"""The example topology as a whole, run in this process on simulated and on real input."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mycelium.ledger.report import Report
from mycelium.node import Node
from mycelium.topology import ResolvedTopology, Topology, resolve
from tlv import TLV, read_frames
from tlv.market_data import MARKET_DATA_MESSAGES, OrderBookTLV, VolumeUpdateTLV

FILE = Path(__file__).resolve().parent.parent / "configs" / "market_data.toml"
ALL_TYPES = {message.__name__ for message in MARKET_DATA_MESSAGES}


class Run(NamedTuple):
    """A run's report, and all that its recorder wrote."""

    report: Report
    topology: ResolvedTopology
    messages: list[TLV]

    @property
    def counts(self) -> dict[str, int]:
        return {row.message: row.handled for row in self.report.messages if row.handled}


def run(directory: Path, *overrides: str, data: Path | None = None) -> Run:
    recording = directory / "market_data.frames"
    given = str(data) if data else None
    settings = (f"recorder.path={recording}", "arbitrage.log_every_s=3600", *overrides)
    topology = resolve(Topology.load(FILE), input=given, overrides=settings, strict=True)
    with Node(topology) as node:
        assert node.wait(timeout=60)
    messages = [message for frame in read_frames(recording.read_bytes()) for message in frame]
    return Run(node.report(), topology, messages)


def simulate(directory: Path, seed: int = 1) -> Run:
    return run(
        directory,
        *(f"simulated_{kind}.seed={seed}" for kind in ("venues", "pools")),
        "simulated_venues.messages=3000",
        "simulated_pools.messages=2000",
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return simulate(tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    return run(tmp_path_factory.mktemp("recorded"), data=shared_data)


class TestSimulated:
    def test_nothing_is_lost_and_nobody_fails(self, simulated: Run) -> None:
        assert simulated.report.ok
        assert simulated.report.state == "finished"
        assert simulated.report.total.in_flight == simulated.report.total.dead_lettered == 0

    def test_all_17_types_flow(self, simulated: Run) -> None:
        assert set(simulated.counts) == ALL_TYPES

    def test_every_message_has_a_receiver(self, simulated: Run) -> None:
        assert simulated.topology.warnings == ()
        assert simulated.report.unrouted == {}

    def test_the_recording_holds_every_message_once(self, simulated: Run) -> None:
        recorder = next(row for row in simulated.report.actors if row.actor == "recorder")
        assert len(simulated.messages) == recorder.handled

    def test_two_runs_of_one_seed_exchange_the_same_messages(self, simulated: Run, tmp_path: Path) -> None:
        """The order between actors is the threads', so both recordings are compared sorted."""
        again = simulate(tmp_path)
        assert again.counts == simulated.counts
        assert sorted(bytes(one.as_bytes()) for one in again.messages) == sorted(
            bytes(one.as_bytes()) for one in simulated.messages
        )

    def test_another_seed_exchanges_others(self, simulated: Run, tmp_path: Path) -> None:
        assert simulate(tmp_path, seed=2).counts != simulated.counts

    def test_the_report_has_pictures_and_findings(self, simulated: Run) -> None:
        summaries = simulated.report.summaries
        assert "north:ETHUSDT" in summaries["monitor"]
        assert "0 gap" in summaries["book_builder"]
        assert "positions" in summaries["pool_state"]
        assert set(summaries) >= {"monitor", "book_builder", "pool_state", "arbitrage", "recorder"}


class TestRecorded:
    def test_nothing_is_lost_and_nobody_fails(self, recorded: Run) -> None:
        assert recorded.report.ok
        assert recorded.report.state == "finished"

    def test_all_17_types_flow(self, recorded: Run) -> None:
        assert set(recorded.counts) == ALL_TYPES

    def test_every_message_has_a_receiver(self, recorded: Run) -> None:
        assert recorded.topology.warnings == ()

    def test_count_volume_and_mean_price_equal_an_independent_computation(
        self, recorded: Run, shared_data: Path
    ) -> None:
        with (shared_data / "trades_quotes" / "binance_btcusdt_trades_2021-01-08.csv").open(newline="") as file:
            # Some quantities carry the noise of a float (0.00031099999999999997): they are meant in 1e-8.
            trades = [(Fraction(row["price"]), round(Fraction(row["quantity"]), 8)) for row in csv.DictReader(file)]
        told = [one for one in recorded.messages if isinstance(one, VolumeUpdateTLV) and one.venue_id == 1][-1]
        assert told.trade_count == len(trades)
        assert Fraction(told.volume, 10**8) == sum(quantity for _, quantity in trades)
        assert Fraction(told.notional, 10**16) == sum(price * quantity for price, quantity in trades)

    @pytest.mark.parametrize("symbol", ["NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"])
    def test_the_top_of_every_book_equals_an_independent_replay(
        self, symbol: str, recorded: Run, shared_data: Path
    ) -> None:
        venue_id = recorded.topology.venues.by_symbol("binance", symbol).id
        book = [one for one in recorded.messages if isinstance(one, OrderBookTLV) and one.venue_id == venue_id][-1]
        bids, asks, last_update_id = replay(shared_data / "books", symbol)
        assert book.sequence == last_update_id
        assert [(one.price, one.size) for one in book.bids] == sorted(bids.items(), reverse=True)[:10]
        assert [(one.price, one.size) for one in book.asks] == sorted(asks.items())[:10]


def replay(books: Path, symbol: str) -> tuple[dict[int, int], dict[int, int], int]:
    """Bids, asks and last update id after the capture, straight from its JSON; checks that no update is missing."""
    snapshot: dict[str, Any] = {}
    for line in (books / "cryptofeed_binance_spot_2021-10-12.http_snapshots.raw").read_text().splitlines():
        if f"symbol={symbol}&" in line:
            snapshot = json.loads(line[line.index(": {") + 2 :])
    last_update_id = int(snapshot["lastUpdateId"])
    bids, asks = ({units(price): units(size) for price, size in snapshot[side]} for side in ("bids", "asks"))
    for line in (books / "cryptofeed_binance_spot_2021-10-12.ws.raw").read_text().splitlines():
        if f'"stream":"{symbol.lower()}@depth' not in line:
            continue
        update = json.loads(line[line.index(": {") + 2 :])["data"]
        if update["u"] <= last_update_id:
            continue
        assert update["U"] <= last_update_id + 1
        last_update_id = update["u"]
        for side, changes in ((bids, update["b"]), (asks, update["a"])):
            side.update((units(price), units(size)) for price, size in changes)
            for price in [price for price, size in side.items() if size == 0]:
                del side[price]
    return bids, asks, last_update_id


def units(number: str) -> int:
    return int(Decimal(number).scaleb(8))
