"""`mycelium bench`: what it prints, writes and refuses. No test looks at how fast anything was."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pykka
import pytest
from click.testing import CliRunner, Result

import mycelium.bench
from mycelium.bench import (
    CONTESTS,
    COSTS,
    TARGETS,
    BenchReport,
    Contest,
    Cost,
    Target,
    costs_of,
    markdown_page,
    run_contest,
    run_contests,
    savina,
    svg_plot,
)
from mycelium.bench import contest as contest_module
from mycelium.bench import costs as costs_module
from mycelium.bench.contest import TIME, Contestant
from mycelium.bench.dbn import dbn_file, trades_of
from mycelium.bench.footprint import output_of
from mycelium.bench.many_actors import steps_of
from mycelium.bench.messages import VALUES
from mycelium.bench.result import result_of
from mycelium.bench.timing import answers, expect
from mycelium.bench.units import BYTES, OPERATION, ratio_text
from mycelium.cli import cli
from mycelium.errors.bench import WrongAnswerError
from tlv import implementation

QUICK = ("--rounds", "1", "--messages", "300")


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments])


def tiny(contest: Contest) -> Contest:
    """The contest with so little to do that it is over at once."""
    return replace(contest, count=min(contest.count, 300), rounds=2)


@pytest.fixture(scope="module")
def report() -> BenchReport:
    """One run over the contests that start no process."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(savina, "RING", 20)
        small.setattr(savina, "RING_PYKKA", 10)
        return run_contests(
            tiny(one)
            for name, one in CONTESTS.items()
            if name
            not in {"many_actors", "memory", "start", "start_nodes", "idle", "sharding", "long_columns", "databento"}
            and not name.startswith(("link_", "streams"))
        )


def test_every_contest_has_ours_a_reference_and_a_question() -> None:
    for name, contest in CONTESTS.items():
        names = [one.name for one in contest.contestants]
        assert contest.name == name
        assert contest.question.endswith("?")
        assert any(one.ours for one in contest.contestants)
        assert contest.references
        assert set(contest.references) <= set(names)
        assert len(set(names)) == len(names)


def test_every_target_names_a_row_that_is_measured() -> None:
    for target in TARGETS:
        contest = CONTESTS[target.contest]
        assert target.contestant in {one.name for one in contest.contestants}
        assert target.figure in contest.figures
        assert not target.against or target.against in contest.references


def test_each_contestant_is_measured_as_often_as_was_asked(report: BenchReport) -> None:
    for result in report.results:
        assert len(result.rows) == len(result.contest.available) * len(result.contest.figures)
        for row in result.rows:
            assert row.rounds == 2
            assert 0 <= row.best <= row.low <= row.median <= row.high


def test_nothing_is_left_behind_by_our_operations(report: BenchReport) -> None:
    allocations = next(result for result in report.results if result.contest.name == "allocations")
    left = {row.contestant.name: row.best for row in allocations.rows if row.figure.name == "blocks left behind"}
    # So few messages that the blocks of a thread weigh something.
    assert all(blocks < 0.5 for blocks in left.values()), left


def test_programs_of_the_bench_keep_their_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those do that are installed: else each start would compile all that it imports, and that would be measured."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert output_of("import sys; print(sys.dont_write_bytecode)").strip() == "False"


def test_the_memory_of_a_service_is_read_in_a_process_of_its_own() -> None:
    contest = replace(CONTESTS["memory"], count=200)
    names = ("mycelium run, 3 actors", "python, bare")
    chosen = tuple(one for one in contest.contestants if one.name in names)
    service, bare = (
        run_contest(replace(contest, contestants=chosen), rounds=1).row(name, "resident") for name in names
    )
    assert service.best > bare.best > 1_000_000
    assert service.ratios["python, bare"].median > 1


def test_many_actors_are_started_told_and_stopped_in_a_process_of_their_own() -> None:
    contest = CONTESTS["many_actors"]
    ours = replace(contest, count=200, contestants=contest.contestants[:1])
    result = run_contest(ours, rounds=1)
    whole, *steps, held = (row.best for row in result.rows)
    assert whole == pytest.approx(sum(steps))
    assert all(step > 0 for step in steps)
    assert 0 < held < 1_000_000
    for target in TARGETS:
        if target.contest == contest.name:
            assert target.text in {"at most 100.0 us", "at most 2,000 B"}


def test_both_sides_of_many_actors_take_the_same_steps() -> None:
    for side in ("mycelium", "pykka"):
        assert all(seconds > 0 for seconds in steps_of(side, 5)[:3])
    assert not pykka.ActorRegistry.get_all()


def test_a_start_is_timed_from_the_outside() -> None:
    contest = replace(CONTESTS["start"], contestants=CONTESTS["start"].contestants[-2:])
    result = run_contest(contest, rounds=1)
    assert [row.contestant.name for row in result.rows] == ["import pykka", "python, bare"]
    assert all(row.best > 0 for row in result.rows)


def test_json_has_rows_ratios_targets_and_the_machine() -> None:
    result = bench("--only", "tell", "--only", "construction", "--json", *QUICK)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    assert set(told) == {"machine", "seconds", "probes_ns", "contests", "targets"}
    assert set(told["machine"]) == {"python", "tlv", "build", "system", "processor", "cores", "packages"}
    assert [one["name"] for one in told["contests"]] == ["tell", "construction"]
    for contest in told["contests"]:
        assert set(contest) == {"name", "question", "operations_per_round", "references", "left_out", "rows"}
        for row in contest["rows"]:
            assert row["unit"] == "seconds"
            assert row["best"] <= row["median"]
            present = set(contest["references"]) - {one["contestant"] for one in contest["left_out"]}
            assert set(row["ratios"]) == present - {row["contestant"]}
            for ratio in row["ratios"].values():
                assert ratio["low"] <= ratio["median"] <= ratio["high"]
    assert told["contests"][0]["operations_per_round"] == 300
    assert {"construction", "tell, end to end", "construct, keyword"} <= {one["name"] for one in told["targets"]}
    for target in told["targets"]:
        measured = target["reached"] in {"yes", "at best", "no"}
        assert measured == (target["median"] is not None)
        assert measured or target["reached"] == "not for this implementation" or "is left out" in target["reached"]


def test_the_table_says_what_was_measured_and_against_what() -> None:
    result = bench("--only", "tell", *QUICK)
    assert result.exit_code == 0, result.output
    for text in ("mycelium, tell", "pykka, tell", "speed / pykka, tell", "best", "median", "spread", "at least 8.00x"):
        assert text in result.stdout
    assert "measuring tell" in result.stderr


def test_the_list_measures_nothing() -> None:
    result = bench("--list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(CONTESTS)
    told = json.loads(bench("--list", "--json", "--only", "ask").stdout)
    assert [one["name"] for one in told] == ["ask"]


def test_the_plot_is_well_formed_svg_with_a_bar_for_each_row(tmp_path: Path) -> None:
    file = tmp_path / "bench.svg"
    result = bench("--only", "field", "--only", "ask", *QUICK, "--plot", str(file))
    assert result.exit_code == 0, result.output
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in ("TradeTLV, owned", "dataclass(slots)", "pykka, ask"):
        assert name in texts
    bars = [bar for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("rx")]
    rows = len(CONTESTS["field"].available) + 2 * len(CONTESTS["ask"].available)
    assert len(bars) == rows


def test_a_plot_of_everything_is_well_formed(report: BenchReport) -> None:
    ET.fromstring(svg_plot(report))


def test_a_page_is_renewed_between_its_comments(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(
        "# Head\n<!-- bench: written by `mycelium bench --into` -->\nold\n<!-- end of the bench -->\ntail\n"
    )
    result = bench("--only", "field", *QUICK, "--into", str(page))
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert text.startswith("# Head\n<!-- bench")
    assert text.endswith("<!-- end of the bench -->\ntail\n")
    assert "\nold\n" not in text
    assert "| **TradeTLV, owned** |" in text


def test_markdown_has_a_table_for_each_contest(report: BenchReport) -> None:
    page = markdown_page(report)
    for result in report.results:
        assert f"### {result.contest.name}" in page
    for line in page.splitlines():
        if line.startswith("|---"):
            assert line.endswith("|")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "constuction"), "construction"),
        (("--rounds", "0"), "--rounds"),
        (("--plot", "picture.png"), ".svg"),
        (("--plot", "no/such/folder/picture.svg"), "there is no directory"),
        (("--into", "no-such-page.md"), "--into"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(arguments: tuple[str, ...], said: str) -> None:
    result = bench(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "measuring" not in result.stderr


def test_a_page_without_the_comments_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing to renew\n")
    result = bench("--into", str(page))
    assert result.exit_code == 2
    assert "lacks the lines" in result.stderr
    assert "measuring" not in result.stderr


def test_who_lacks_a_module_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest_module, "find_spec", lambda name: None)
    result = bench("--only", "columns", *QUICK)
    assert result.exit_code == 0, result.output
    assert "left out, for want of numpy: Batch.column, sum; " in result.stdout
    assert "numpy array, sum; numpy.frombuffer, sum (pip install 'mycelium-actors[columns]')" in result.stdout
    assert "struct.iter_unpack, sum" in result.stdout


def test_a_target_whose_peer_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest_module, "find_spec", lambda name: None)
    monkeypatch.setattr(implementation, "running", "native")
    told = json.loads(bench("--only", "field", "--json", *QUICK).stdout)
    reached = {target["target"]: target["reached"] for target in told["targets"]}
    assert reached["at most 2.00x the time of msgspec.Struct"] == "msgspec.Struct is left out"
    assert reached["at most 0.70x the time of ctypes"] in {"yes", "at best", "no"}


def test_targets_of_the_compiled_core_are_not_those_of_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementation, "running", "python")
    result = bench("--only", "construction", *QUICK)
    assert result.exit_code == 0, result.output
    assert "at least 10.00 M/s" in result.stdout
    assert "not for this implementation" in result.stdout


def test_a_limit_of_time_is_the_reciprocal_of_a_ratio_of_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementation, "running", "native")
    contestants = tuple(Contestant(name, lambda: lambda _: (1.0,)) for name in ("ours", "theirs"))
    contest = Contest("demo", "Who?", contestants, references=("theirs",), count=1, rounds=2)
    result = result_of(contest, {"ours": [(3.0,), (2.0,)], "theirs": [(2.0,), (2.0,)]})

    def told(limit: float, *, at_most: bool) -> tuple[str, str, str]:
        target = Target("demo", "demo", "ours", TIME, limit, "theirs", at_most, native=True)
        verdict = target.judge(result)
        return target.text, verdict.median_text, verdict.reached

    assert told(1.3, at_most=True) == ("at most 1.30x the time of theirs", "1.20x", "yes")
    assert told(1.1, at_most=True)[2] == "at best"
    assert told(0.9, at_most=True)[2] == "no"
    assert told(0.8, at_most=False) == ("at least 0.80x theirs", "0.83x", "yes")
    assert told(1.0, at_most=False)[2] == "at best"


# Who is measured gives the right values ---------------------------------------------------------------------------


COMPARED = ("construction", "parsing", "field", "validation", "writing", "dispatch", "columns", "databento")


@pytest.mark.parametrize("name", COMPARED)
def test_every_contestant_is_checked_before_it_is_timed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: dict[str, object] = {}
    for module in ("operations", "frames", "columns", "dbn"):
        monkeypatch.setattr(f"mycelium.bench.{module}.expect", lambda who, got, expected: checked.update({who: got}))
    for contestant in CONTESTS[name].available:
        contestant.prepare()
    assert set(checked) == {one.name for one in CONTESTS[name].available} - {"the empty loop"}
    if name in {"construction", "validation"}:
        assert all(got == VALUES for got in checked.values())
    if name == "parsing":
        assert all(got == VALUES[:2] for got in checked.values())


def test_who_gives_something_else_is_not_measured() -> None:
    expect("ours", (1, 2), (1, 2))
    with pytest.raises(WrongAnswerError, match=r"\[BEN-010\] ours gave \(1, 3\), not \(1, 2\): it is not measured"):
        expect("ours", (1, 3), (1, 2))


def test_what_is_read_is_told_after_the_statement_or_in_its_midst() -> None:
    assert answers("t = [n, n + 1]", ["t[0]", "t[1]"], n=5) == (5, 6)
    assert answers("for t in range(3): {reads}", ["t"]) == (2,)


def test_a_file_of_trades_is_what_databento_decodes() -> None:
    databento = pytest.importorskip("databento_dbn")
    decoder = databento.DBNDecoder()
    decoder.write(dbn_file(1_000))
    metadata, *theirs = decoder.decode()
    ours = trades_of(dbn_file(1_000))
    assert metadata.dataset == "GLBX.MDP3"
    assert metadata.schema == databento.Schema.TRADES
    assert len(ours) == len(theirs) == 1_000
    for our, their in zip(ours, theirs, strict=True):
        for name in (
            "instrument_id",
            "ts_event",
            "price",
            "size",
            "flags",
            "depth",
            "ts_recv",
            "ts_in_delta",
            "sequence",
        ):
            assert getattr(our, name) == int(getattr(their, name)), name
        assert (chr(our.action), chr(our.side)) == (their.action.value, their.side.value)


@pytest.mark.parametrize("by_column", [False, True])
def test_a_file_of_other_records_is_refused(*, by_column: bool) -> None:
    if by_column:
        pytest.importorskip("numpy")
    assert len(trades_of(dbn_file(10), by_column=by_column)) == 10
    for at, byte in ((0, b"X"), (-48, b"\x0d"), (-47, b"\1")):
        file = bytearray(dbn_file(10))
        file[at % len(file) : at % len(file) + 1] = byte
        with pytest.raises(ValueError, match="not a DBN file of trades"):
            trades_of(bytes(file), by_column=by_column)


# The table of the readme --------------------------------------------------------------------------------------------


def test_every_cost_names_a_row_and_a_reference_of_its_contest() -> None:
    for cost in COSTS:
        contest = CONTESTS[cost.contest]
        assert cost.contestant in {one.name for one in contest.contestants if one.ours}
        assert cost.beside in contest.references
        assert cost.figure in {figure.name for figure in contest.figures}


def test_the_table_of_costs_is_written_from_the_same_run(report: BenchReport, tmp_path: Path) -> None:
    held = {result.contest.name for result in report.results}
    costs = tuple(cost for cost in COSTS if cost.contest in held)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs_module, "COSTS", tuple(cost for cost in costs if has_all(report, cost)))
        table = costs_of(report)
        assert len(table.splitlines()) == 2 + len(costs_module.COSTS)
    assert "| two fields of a record in a buffer | struct.unpack_from | " in table
    assert re.search(r"\d+x the speed \| `parsing` \|", table)
    assert re.search(r"\d+x the time \| `ask` \|", table)


def has_all(report: BenchReport, cost: Cost) -> bool:
    (contest,) = (result.contest for result in report.results if result.contest.name == cost.contest)
    return {cost.contestant, cost.beside} <= {one.name for one in contest.available}


def test_a_run_that_cannot_write_the_table_of_costs_is_refused_before_it_begins(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("<!-- costs: written by `mycelium bench --into` -->\nold\n<!-- end of the costs -->\n")
    result = bench("--only", "field", *QUICK, "--into", str(page))
    assert result.exit_code == 2
    assert "this run is without construction, parsing, " in result.stderr
    assert "measuring" not in result.stderr
    assert "old" in page.read_text()


def test_ratios_are_taken_round_by_round() -> None:
    contestants = (
        Contestant("ours", lambda: lambda count: (1.0,), ours=True),
        Contestant("theirs", lambda: lambda _: (1.0,)),
    )
    contest = Contest("demo", "Who?", contestants, references=("theirs",), count=1, rounds=3)
    # A slow spell of the machine hits both alike: by round the speed is 2x, 2x, 4x.
    result = result_of(contest, {"ours": [(1.0,), (10.0,), (1.0,)], "theirs": [(2.0,), (20.0,), (4.0,)]})
    ratio = result.row("ours", "time").ratios["theirs"]
    assert (ratio.median, ratio.best) == (2.0, 2.0)
    assert (ratio.low, ratio.high) == (2.0, 3.0)
    with pytest.raises(KeyError):
        result.row("ours", "size")


def test_a_ratio_of_speed_grows_with_speed_and_one_of_size_with_size() -> None:
    assert OPERATION.ratio(1.0, 4.0) == 4.0
    assert BYTES.ratio(1.0, 4.0) == 0.25
    assert BYTES.ratio(0.0, 0.0) == 1.0
    assert BYTES.ratio(1.0, 0.0) == math.inf
    assert [ratio_text(value) for value in (0.194, 8.4, 12.34, 1234.5)] == ["0.19x", "8.40x", "12.3x", "1,234x"]


def test_every_exported_name_of_the_benches_is_there() -> None:
    assert sorted(mycelium.bench._HOMES) == sorted(mycelium.bench.__all__)
    assert all(getattr(mycelium.bench, name) is not None for name in mycelium.bench.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Bensh'"):
        mycelium.bench.Bensh  # type: ignore[attr-defined]


def test_the_service_whose_footprint_is_measured_does_not_load_the_benches() -> None:
    code = "import sys, mycelium.bench.service; print(sorted(one for one in sys.modules if one.startswith('mycelium.bench')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mycelium.bench', 'mycelium.bench.service']"
