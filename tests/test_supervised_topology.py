"""Supervisors in a topology: the keys, what is wrong with them, and runs in which actors are restarted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pykka
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from mycelium import Actor, ActorSpec, Backoff, Node, SupervisorSpec, Topology, handles, resolve
from mycelium.cli import cli
from mycelium.errors import TopologyRefusedError
from mycelium.logging import reset_logging
from mycelium.supervision import Directive, Mail, Strategy
from mycelium.topology.wiring import wiring_text
from tests.topology_actors import Crashing, Tape, Tick, Ticker
from tests.waiting import wait_for
from tlv import TLV

DEADLINE = 30.0
AT_ONCE = {"first_s": 0.0}

RUN = """
[topology]
name = "demo"
[supervisors.careful]
on_error = { ZeroDivisionError = "restart" }
backoff = { first_s = 0.001 }
[actors.ticker]
class = "tests.topology_actors:Ticker"
[actors.crashing]
class = "tests.topology_actors:Crashing"
"""


@pytest.fixture(autouse=True)
def _away_and_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    reset_logging()
    pykka.ActorRegistry.stop_all()


ELSEWHERE = """
from mycelium import Actor
from tlv import DeclaredError
class OddError(DeclaredError, code="ODD-001", text="odd"): ...
class Elsewhere(Actor): ...
"""


def written(text: str) -> str:
    Path("demo.toml").write_text(dedent(text))
    return "demo.toml"


def problems(text: str) -> list[str]:
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(Topology.load(written(text)))
    return [str(problem) for problem in refused.value.problems]


def run(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", written(text), *arguments])


def test_the_section_of_a_supervisor_has_its_settings() -> None:
    text = """
        [supervisors.top]
        strategy = "all-for-one"
        otherwise = "stop"
        [supervisors.feeds]
        parent = "top"
        strategy = "rest-for-one"
        limit = 5
        within_s = 30
        mail = "drop"
        attempts = 2
        otherwise = "escalate"
        [supervisors.feeds.on_error]
        TLV = "resume"
        ACT-003 = "stop"
        ConnectionError = "restart"
        "tests.topology_actors:RowError" = "stop"
        [supervisors.feeds.backoff]
        first_s = 0.5
        jitter = 0
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        supervisor = "feeds"
    """
    resolved = resolve(Topology.load(written(text)))
    assert resolved.supervisors["top"] == SupervisorSpec(strategy=Strategy.ALL_FOR_ONE, otherwise=Directive.STOP)
    feeds = resolved.supervisors["feeds"].build(None)
    assert (feeds.strategy, feeds.limit, feeds.within_s) == (Strategy.REST_FOR_ONE, 5, 30.0)
    assert (feeds.mail, feeds.attempts) == (Mail.DROP, 2)
    assert feeds.backoff == Backoff(first_s=0.5, jitter=0)
    assert resolved.actors["ticker"].supervisor == "feeds"
    assert "ticker  tests.topology_actors:Ticker, supervised by feeds" in wiring_text(resolved)


def test_what_is_wrong_with_supervisors_is_told_at_once_with_key_and_value() -> None:
    text = """
        [supervisors.a]
        strategy = "none-for-none"
        limit = -1
        backof = {}
        [supervisors.b]
        parent = "c"
        [supervisors.c]
        parent = "b"
        [supervisors.d]
        parent = "dd"
        on_error = { ConectionError = "stop", "ACT-1" = "stop", "no.such:Error" = "stop", "tlv:TLV" = "stop" }
        [supervisors.e]
        on_error = { FEED = "retry" }
        [supervisors.f]
        backoff = { first = 1 }
        [supervisors.g]
        backoff = { first_s = 50 }
        [supervisors."9"]
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        supervisor = "feeds"
    """
    expected = [
        "[TOP-010] demo.toml: [supervisors.a] strategy: Input should be 'one-for-one', 'all-for-one' or 'rest-for-one', got 'none-for-none'",
        "[TOP-010] demo.toml: [supervisors.a] limit: Input should be greater than or equal to 0, got -1",
        "[TOP-011] demo.toml: [supervisors.a]: there is no key 'backof' here; did you mean 'backoff'?",
        "[TOP-010] demo.toml: [supervisors.e] on_error.FEED: Input should be 'resume', 'restart', 'stop' or 'escalate', got 'retry'",
        "[TOP-010] demo.toml: [supervisors.f] backoff: there is no key 'first' here; did you mean 'first_s'?",
        "[TOP-010] demo.toml: [supervisors.g] backoff: Backoff(first_s=50.0, factor=2.0, max_s=30.0, jitter=0.1) cannot be: 0 <= first_s",
        "[TOP-010] demo.toml: [supervisors.9]: '9' is no name for a supervisor: begin with a letter",
        "[TOP-010] demo.toml: [actors.ticker] supervisor: there is no supervisor 'feeds'; supervisors: a, b, c, d, e, f, g",
        "[TOP-010] demo.toml: [supervisors.b] parent: 'b' would be above itself",
        "[TOP-010] demo.toml: [supervisors.c] parent: 'c' would be above itself",
        "[TOP-010] demo.toml: [supervisors.d] on_error: 'ConectionError' is no code (ACT-003), family of codes (ACT), built-in error or import path of one; did you mean 'ConnectionError'?",
        "[TOP-010] demo.toml: [supervisors.d] on_error: 'ACT-1' is no code",
        "[TOP-010] demo.toml: [supervisors.d] on_error: 'no.such:Error' cannot be imported: ModuleNotFoundError: No module named 'no'",
        "[TOP-010] demo.toml: [supervisors.d] on_error: 'tlv:TLV' is no code",
        "[TOP-010] demo.toml: [supervisors.d] parent: there is no supervisor 'dd'; did you mean 'd'?",
    ]
    said = problems(text)
    assert len(said) == len(expected), said
    for line, beginning in zip(said, expected, strict=True):
        assert line.startswith(beginning)
    assert problems("supervisors = 3\n") == [
        "[TOP-010] demo.toml: [supervisors]: write each supervisor under a heading [supervisors.NAME]; correct this key in the file",
        *problems(""),
    ]


def test_a_code_that_nobody_declares_is_refused_with_those_that_are_like_it() -> None:
    supervised = """
        [supervisors.top]
        on_error = { TVL = "stop" }
        [supervisors.feeds]
        parent = "top"
        on_error = { NODE-002 = "stop", NODE-001 = "stop", NODE = "stop" }
        [supervisors.unused]
        on_error = { NOBDY-001 = "stop" }
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        supervisor = "feeds"
    """
    assert [one.partition("; correct")[0] for one in problems(supervised)] == [
        "[TOP-010] demo.toml: [supervisors.top] on_error: no declared error has a code of the family 'TVL'; did you mean 'TLV'?",
        "[TOP-010] demo.toml: [supervisors.feeds] on_error: no declared error has the code 'NODE-002'; did you mean 'NODE-001'?",
    ]


def test_a_code_may_be_one_of_an_actor_that_this_profile_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        [supervisors.feeds]
        on_error = { ODD-001 = "stop" }
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        supervisor = "feeds"
        [actors.elsewhere]
        class = "elsewhere_for_codes:MODULE"
        profile = "other"
        supervisor = "feeds"
    """
    monkeypatch.syspath_prepend(Path.cwd())
    Path("elsewhere_for_codes.py").write_text(ELSEWHERE)
    assert resolve(Topology.load(written(text.replace("MODULE", "Elsewhere")))).supervisors
    cannot_tell = text.replace("elsewhere_for_codes:MODULE", "tests.not_there:Nobody").replace("ODD-001", "ODD-002")
    assert resolve(Topology.load(written(cannot_tell))).supervisors


def test_the_python_form_refuses_the_same() -> None:
    with pytest.raises(TopologyRefusedError, match=r"\[supervisors.feeds\] limit: .* got -1"):
        Topology(name="demo", actors={"tape": Tape}, supervisors={"feeds": {"limit": -1}})
    with pytest.raises(TopologyRefusedError, match="'9' is no name for a supervisor"):
        Topology(name="demo", actors={"tape": Tape}, supervisors={"9": {}})


def test_a_run_restarts_an_actor_that_fails_and_ends_well() -> None:
    result = run(RUN + 'supervisor = "careful"\n')
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "restarted crashing 1 time" in lines
    assert lines[-1] == "ledger    the ledger balances: 100 sent = 99 handled + 1 dead-lettered"
    logged = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    restarts = [line for line in logged if line["event"] == "actor restarts"]
    assert [(line["actor"], line["node"], line["restarts"]) for line in restarts] == [("crashing", "demo", 1)]


def test_without_the_key_an_actor_that_fails_ends_and_so_does_the_run() -> None:
    result = run(RUN, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [(row["actor"], row["alive"], row["restarted"]) for row in told["actors"]] == [
        ("ticker", False, 0),
        ("crashing", False, 0),
    ]


def test_beyond_the_limit_the_run_names_who_failed() -> None:
    text = RUN.replace('on_error = { ZeroDivisionError = "restart" }', "limit = 0") + 'supervisor = "careful"\n'
    result = run(text)
    assert result.exit_code == 1
    assert "failed    crashing: ZeroDivisionError: three" in result.stdout


class Counting(Actor, receives=Tick):
    """Counts what came in this life; fails at a number, if it has one."""

    fails_at = -1

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    @handles
    def on_tick(self, tick: Tick) -> None:
        if tick.number == self.fails_at:
            raise LookupError(tick.number)
        self.seen += 1


class Failing(Counting):
    fails_at = 5


def test_rest_for_one_goes_by_the_order_of_the_actors_in_the_topology() -> None:
    supervised: dict[str, Any] = {
        name: ActorSpec(actor_class=kind, supervisor="desk")
        for name, kind in {"before": Counting, "failing": Failing, "after": Counting}.items()
    }
    topology = Topology(
        name="demo",
        supervisors={"desk": SupervisorSpec(strategy=Strategy.REST_FOR_ONE, backoff=AT_ONCE)},
        actors={"ticker": Ticker, "outside": Counting, **supervised},
    )
    with capture_logs(), Node(topology) as node:
        assert node.wait(DEADLINE)
    report = node.report()
    assert {row.actor: row.restarted for row in report.actors} == {
        "ticker": 0,
        "outside": 0,
        "before": 0,
        "failing": 1,
        "after": 1,
    }
    assert report.ok
    assert report.total.dead_lettered == 1


def test_what_is_escalated_is_for_the_parent_to_decide() -> None:
    topology = Topology(
        name="demo",
        supervisors={
            "desk": {"otherwise": "escalate", "parent": "top"},
            "top": {"on_error": {"ZeroDivisionError": "restart"}, "otherwise": "stop", "backoff": AT_ONCE},
        },
        actors={"ticker": Ticker, "crashing": ActorSpec(actor_class=Crashing, supervisor="desk")},
    )
    with capture_logs(), Node(topology) as node:
        assert node.wait(DEADLINE)
    assert node.report().ok
    assert [row.restarted for row in node.report().actors] == [0, 1]


def test_a_stop_does_not_wait_for_the_end_of_a_pause() -> None:
    topology = Topology(
        name="demo",
        supervisors={"patient": {"backoff": {"first_s": 1e6, "max_s": 1e6}}},
        actors={"ticker": Ticker, "crashing": ActorSpec(actor_class=Crashing, supervisor="patient")},
    )
    with capture_logs(), Node(topology) as node:
        ticker: Any = node._actors["ticker"]
        assert ticker.finished.wait(DEADLINE)
        assert wait_for(lambda: node._actors["crashing"].mailbox.paused)
        assert node.wait(0.001) is False
    report = node.report()
    assert report.balanced
    assert (report.total.sent, report.total.handled, report.total.dead_lettered) == (100, 99, 1)
    assert report.failures == ()


def test_a_source_of_a_topology_is_restarted_with_its_config() -> None:
    class Flaky(Ticker):
        def produce(self) -> Iterator[TLV]:
            for number in range(self.emitted, self.config.count):
                yield Tick(number=number)
                if number == 4:
                    raise ConnectionError

    source = ActorSpec(actor_class=Flaky, supervisor="feeds", config={"count": 9})
    topology = Topology(
        name="demo",
        supervisors={"feeds": {"backoff": AT_ONCE}},
        actors={"ticker": source, "counting": Counting},
    )
    with capture_logs(), Node(topology) as node:
        assert node.wait(DEADLINE)
    report = node.report()
    assert report.ok
    assert report.total.handled == 9
    assert [row.restarted for row in report.actors] == [1, 0]
    assert report.sources[0].state == "finished"
