"""The websocket feed against a server that replays: nothing is lost or counted twice, whatever the connection does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

pytest.importorskip("websockets")

from actors.feeds.websocket_feed import WebsocketFeed
from actors.simulator.binance_capture import PRICES
from configs.feeds import WebsocketFeedConfig
from examples.replay_server import CAPTURE, SNAPSHOTS, Frame, ReplayServer, load_capture, main
from mycelium import Node
from mycelium.errors import ExtraMissingError, InvalidConfigError
from tests.feed_helpers import run_feed
from tests.ports import free_port
from tests.replaying import DEADLINE, Served, book_at, book_of, collector_of, feed_of, node_for, serving, simulated
from tlv.market_data import DepthUpdateTLV, QuoteTLV, TradeTLV

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def served() -> Iterator[Served]:
    with capture_logs(), serving() as served:  # a traceback with all that a feed holds is slow to draw
        yield served


def replayed(served: Served, server: ReplayServer, node: Node) -> None:
    """Play to the end, and let everything be handled."""
    with node:
        served.do(server.play())
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)


def check_counts(node: Node) -> None:
    """Every frame and snapshot became messages, or was counted as something else; every message was handled."""
    feed, reading, report = feed_of(node), feed_of(node).reading, node.report()
    told = reading.messages + sum(reading.ignored.values()) + sum(reading.skipped.values())
    assert feed.progress.done + feed.snapshots == told
    assert report.total.sent == report.total.handled == reading.messages == len(collector_of(node).seen)
    assert report.balanced
    assert not report.failures


def test_everything_that_the_server_sends_is_handled_and_the_books_are_its_own(served: Served) -> None:
    server = served.server(*simulated(1_500))
    node = node_for(server)
    replayed(served, server, node)
    check_counts(node)
    assert server.sent == feed_of(node).progress.done == 1_500
    assert dict(feed_of(node).refused) == {}
    assert feed_of(node).snapshots == len(PRICES)
    for symbol in PRICES:
        assert book_of(symbol, collector_of(node)) == book_at(server, symbol)
    assert "4 of 4 books synchronised, gaps: 0" in feed_of(node).summary()


def test_the_recorded_capture_gives_what_its_files_give(served: Served, shared_data: Path) -> None:
    lines, answers = CAPTURE.read_text().splitlines(), SNAPSHOTS.read_text().splitlines()
    frames, snapshots = load_capture(lines, answers)
    server = served.server(frames, snapshots)
    node = node_for(server)
    replayed(served, server, node)
    check_counts(node)
    assert server.sent == feed_of(node).progress.done == 263
    assert dict(feed_of(node).refused) == {}
    of_files = run_feed("books", CAPTURE, SNAPSHOTS)
    for kind, timed in ((TradeTLV, True), (QuoteTLV, False), (DepthUpdateTLV, False)):
        live = [_plain(one, timed=timed) for one in collector_of(node).seen if isinstance(one, kind)]
        filed = [_plain(one, timed=timed) for one in of_files.only(kind)]
        assert len(live) == len(filed)
        assert sorted(live) == sorted(filed)


def _plain(message: Any, *, timed: bool) -> str:
    """A message without its venue, which the tables number differently, and where it is that of receipt its time."""
    return str(message.replace(venue_id=0, timestamp=message.timestamp if timed else 0))


def test_a_server_that_goes_away_and_comes_back_costs_nothing(served: Served) -> None:
    frames, snapshots = simulated(1_200)
    first = served.server(frames, snapshots, port=free_port())  # which nobody else takes in between
    node = node_for(first)
    with node:
        served.do(first.play(500))
        served.do(first.close(over=False))
        second = served.server(frames, snapshots, position=first.position, port=first.port)
        served.do(second.play())
        served.do(second.close(over=True))
        assert node.wait(DEADLINE)
    check_counts(node)
    feed = feed_of(node)
    assert first.sent + second.sent == feed.progress.done == 1_200
    assert feed.connections == 2
    refused = dict(feed.refused)
    assert refused.pop("FEED-041") == 1
    assert set(refused) <= {"FEED-040"}  # tries while there was no server
    assert feed.snapshots == len(PRICES)  # the updates go on where they ended
    for symbol in PRICES:
        assert book_of(symbol, collector_of(node)) == book_at(second, symbol)


def test_a_connection_that_is_cut_loses_what_was_on_its_way_and_the_books_begin_anew(served: Served) -> None:
    frames, snapshots = simulated(1_200)
    server = served.server(frames, snapshots)
    node = node_for(server)
    with node:
        served.do(server.play(300))
        served.call(server.cut)
        served.call(lambda: setattr(server, "position", 600))  # time goes on without the feed
        served.do(server.play())
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)
    check_counts(node)
    feed = feed_of(node)
    assert feed.connections == 2
    assert feed.refused["FEED-041"] == 1
    assert feed.progress.done <= server.sent
    assert feed.books.gaps == 0  # what is missed while nothing is connected is no gap of the stream
    for symbol in PRICES:
        assert book_of(symbol, collector_of(node)) == book_at(server, symbol)


def test_a_gap_is_told_and_the_book_begins_anew(served: Served) -> None:
    frames, snapshots = simulated(900)
    updates = [number for number, frame in enumerate(frames) if frame.stream == "nknusdt@depth@100ms"]
    frames[updates[20]] = Frame(frames[updates[20]].received, frames[0].text, frames[0].stream, frames[0].data)
    server = served.server(frames, snapshots)
    node = node_for(server)
    replayed(served, server, node)
    check_counts(node)
    feed = feed_of(node)
    assert (dict(feed.refused), feed.books.gaps, feed.snapshots) == ({"FEED-030": 1}, 1, len(PRICES) + 1)
    assert book_of("BLZETH", collector_of(node)) == book_at(server, "BLZETH")


def test_missing_trades_are_counted_and_told(served: Served) -> None:
    frames, snapshots = simulated(900)
    trades = [number for number, frame in enumerate(frames) if frame.stream == "nknusdt@aggTrade"]
    for lost in trades[1:3]:
        frames[lost] = Frame(frames[lost].received, frames[0].text, frames[0].stream, frames[0].data)
    server = served.server(frames, snapshots)
    node = node_for(server)
    replayed(served, server, node)
    check_counts(node)
    feed = feed_of(node)
    assert (dict(feed.refused), feed.books.trades.gaps, feed.books.trades.missing) == ({"FEED-034": 1}, 1, 2)
    assert "trades missing: 2" in feed.summary()


def test_frames_that_are_wrong_are_counted_and_nothing_stops(served: Served) -> None:
    frames, snapshots = simulated(400)
    price = {"stream": "nknusdt@bookTicker", "data": {"s": "NKNUSDT", "b": "x", "B": "1", "a": "1", "A": "1"}}
    wrong = [
        "no JSON",
        "[1, 2]",
        '{"stream": "btcusdt@depth", "data": {}}',
        '{"stream": 7, "data": {}}',
        json.dumps(price),
        "[" * 5_000,
        '{"price": NaN}',
    ]
    frames[100:100] = [Frame(frames[100].received, text) for text in wrong]
    server = served.server(frames, snapshots)
    node = node_for(server)
    replayed(served, server, node)
    check_counts(node)
    assert server.sent == feed_of(node).progress.done == 400 + len(wrong)
    assert dict(feed_of(node).refused) == {"FEED-043": 4, "FEED-044": 3}


def test_with_on_malformed_stop_the_first_wrong_frame_ends_the_feed(served: Served) -> None:
    frames, snapshots = simulated(50)
    frames[10:10] = [Frame(frames[10].received, "no JSON")]
    server = served.server(frames, snapshots)
    node = node_for(server, on_malformed="stop")
    with node:
        served.do(server.play(30))
        assert node.wait(DEADLINE)
        served.do(server.close(over=True))
    report = node.report()
    assert re.match(
        r"\[FEED-043\] ws://127.0.0.1:\d+/stream frame 11: the frame is 'no JSON'", report.failures[0].message
    )
    assert (report.exit_code, report.balanced) == (2, True)


def test_a_frame_that_is_too_large_closes_the_connection_and_the_feed_comes_back(served: Served) -> None:
    frames, snapshots = simulated(600)
    frames[300:300] = [Frame(frames[300].received, '"' + "x" * 70_000 + '"')]
    server = served.server(frames, snapshots)
    node = node_for(server, frame_bytes_max=65_536)
    with node:
        served.do(server.play(301))
        assert collector_of(node).first.wait(DEADLINE)
        served.do(_connections_end(server))
        served.do(server.play())
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)
    check_counts(node)
    assert feed_of(node).refused["FEED-042"] == 1
    assert feed_of(node).progress.done == 600
    for symbol in PRICES:
        assert book_of(symbol, collector_of(node)) == book_at(server, symbol)


async def _connections_end(server: ReplayServer) -> None:
    for connection in tuple(server._listening):
        await connection.wait_closed()


def test_it_takes_no_more_than_there_is_room_for_and_loses_nothing(served: Served) -> None:
    server = served.server(*simulated(6_000))
    node = node_for(server)
    feed, collector = feed_of, collector_of
    with node:
        collector(node).let.clear()
        playing = served.start(server.play())
        assert collector(node).first.wait(DEADLINE)
        for _ in range(20):  # it answers, so it is not held up; and it does not go on by itself
            node.refs["feed"].proxy().connections.get(timeout=DEADLINE)
        assert feed(node).emitted <= feed(node).high_water + 3 * feed(node).chunk
        collector(node).let.set()
        playing.result(DEADLINE)
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)
    check_counts(node)
    assert server.sent == feed(node).progress.done == 6_000


def test_streams_that_the_server_refuses_and_books_that_it_does_not_have_are_told(served: Served) -> None:
    frames, _ = simulated(60)
    server = served.server(frames, {})
    node = node_for(server)
    with node:
        served.do(server.play())
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)
    feed = feed_of(node)
    assert feed.refused["FEED-045"] >= len(PRICES)
    assert feed.refused["FEED-032"] == len(PRICES)
    assert node.report().balanced

    server = served.server(frames, {})
    node = node_for(server, symbols=["BTCUSDT"])
    with node:
        served.do(_refused(server))
        served.do(server.close(over=True))
        assert node.wait(DEADLINE)
    assert dict(feed_of(node).refused) == {"FEED-044": 1}


async def _refused(server: ReplayServer) -> None:
    while not server.refused:  # noqa: ASYNC110 - it is a count
        await asyncio.sleep(0)


def test_a_stop_while_it_waits_for_a_server_ends_it_at_once(served: Served) -> None:
    server = served.server(*simulated(10))
    served.do(server.close(over=True))
    node = node_for(server, reconnect_s=DEADLINE, reconnect_max_s=2 * DEADLINE)
    with node:
        assert not node.wait(0.2)
    report = node.report()
    assert (report.state, report.sources[0].state, report.balanced) == ("interrupted", "stopped", True)
    assert report.seconds < DEADLINE / 2


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ExtraMissingError, match=r"ACT-049.*WebsocketFeed needs websockets.*mycelium-actors\[feeds\]"):
        WebsocketFeed.create(WebsocketFeedConfig(symbols=["BTCUSDT"]))


@pytest.mark.parametrize(
    "wrong", [{"url": "http://127.0.0.1/stream"}, {"symbols": []}, {"snapshots": "ftp://x"}, {"frame_bytes_max": 1}]
)
def test_a_config_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError, match=f"WEBSOCKET_FEED_{next(iter(wrong)).upper()}"):
        WebsocketFeedConfig(**{"symbols": ["BTCUSDT"], **wrong})


@pytest.fixture
def programs() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``python -m ...`` in the folder of the repository; what still runs at the end is killed."""
    with ExitStack() as stack:

        def start(*command: str, **environment: str) -> subprocess.Popen[str]:
            program = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(program)
            stack.callback(program.kill)
            return program

        yield start


def address(server: subprocess.Popen[str]) -> str:
    """Where a server says that it listens."""
    assert server.stdout is not None
    found = re.search(r"ws://\S+/stream", server.stdout.readline())
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["--speed", "fast"], 2, "[FEED-007] 'fast' is not a speed"),
        (["--capture", "text"], 1, "text holds no frame of a stream"),
        (["--capture", "binary"], 1, "the capture cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (["--simulated", "1", "--snapshots", "text", "--host", "256.0.0.1"], 1, "cannot listen at 256.0.0.1:8765"),
    ],
)
def test_a_server_that_cannot_begin_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("1: not JSON\n2000  Trade  7\n")
    Path("binary").write_bytes(b"\xff" * 100)
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, said in done.output) == (code, True), done.output


RUN = ("mycelium", "run", "configs/websocket_feed.toml")


def test_the_two_commands_of_the_page_work_together(programs: Callable[..., subprocess.Popen[str]]) -> None:
    server = programs("examples.replay_server", "--simulated", "400", "--speed", "max", "--port", "0")
    run = programs(*RUN, "--json", WEBSOCKET_FEED_URL=address(server))
    told, _ = run.communicate(timeout=2 * DEADLINE)
    said, complaints = server.communicate(timeout=2 * DEADLINE)
    assert (run.returncode, server.returncode, complaints) == (0, 0, "")
    assert said == "the capture is over: 400 frames sent\n"
    report = json.loads(told)
    assert report["sources"][0]["done"] == 400
    assert report["balanced"]


def test_ctrl_c_ends_both_in_order(programs: Callable[..., subprocess.Popen[str]]) -> None:
    server = programs("examples.replay_server", "--simulated", "5000", "--speed", "1x", "--port", "0")
    run = programs(*RUN, "--quiet", WEBSOCKET_FEED_URL=address(server))
    assert run.stderr is not None
    assert any("connected" in line for line in run.stderr)
    run.send_signal(signal.SIGINT)
    told, _ = run.communicate(timeout=2 * DEADLINE)
    server.send_signal(signal.SIGINT)
    said, complaints = server.communicate(timeout=2 * DEADLINE)
    assert (run.returncode, server.returncode, complaints) == (0, 0, "")
    assert "the ledger balances" in told
    assert re.fullmatch(r"stopped: [\d,]+ frames sent\n", said)
