"""`mycelium bench`: what it prints, writes and refuses. No test looks at how fast anything was."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mycelium.bench import CONTESTS, TARGETS, BenchReport, Contest, markdown_page, run_contest, run_contests, svg_plot
from mycelium.bench import contest as contest_module
from mycelium.bench.contest import Contestant
from mycelium.bench.result import result_of
from mycelium.bench.units import BYTES, OPERATION, ratio_text
from mycelium.cli import cli

QUICK = ("--rounds", "1", "--messages", "300")


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments])


def tiny(contest: Contest) -> Contest:
    """The contest with so little to do that it is over at once."""
    return replace(contest, count=min(contest.count, 300), rounds=2)


@pytest.fixture(scope="module")
def report() -> BenchReport:
    """One run over the contests that start no process."""
    return run_contests(tiny(one) for name, one in CONTESTS.items() if name not in {"memory", "start"})


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


def test_the_memory_of_a_service_is_read_in_a_process_of_its_own() -> None:
    contest = replace(CONTESTS["memory"], count=200)
    names = ("mycelium run, 3 actors", "python, bare")
    chosen = tuple(one for one in contest.contestants if one.name in names)
    service, bare = (
        run_contest(replace(contest, contestants=chosen), rounds=1).row(name, "resident") for name in names
    )
    assert service.best > bare.best > 1_000_000
    assert service.ratios["python, bare"].median > 1


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
    assert set(told["machine"]) == {"python", "build", "system", "processor", "cores", "packages"}
    assert [one["name"] for one in told["contests"]] == ["tell", "construction"]
    for contest in told["contests"]:
        assert set(contest) == {"name", "question", "operations_per_round", "references", "left_out", "rows"}
        for row in contest["rows"]:
            assert row["unit"] == "seconds"
            assert row["best"] <= row["median"]
            assert set(row["ratios"]) == set(contest["references"]) - {row["contestant"]}
            for ratio in row["ratios"].values():
                assert ratio["low"] <= ratio["median"] <= ratio["high"]
    assert told["contests"][0]["operations_per_round"] == 300
    assert {target["name"] for target in told["targets"]} == {"construction", "tell, end to end"}
    assert {target["reached"] for target in told["targets"]} <= {"yes", "at best", "no"}


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
    rows = len(CONTESTS["field"].contestants) + 2 * len(CONTESTS["ask"].contestants)
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
    assert "old" not in text
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
    assert "left out: Batch.column, sum, which needs numpy (pip install 'mycelium-actors[columns]')" in result.stdout
    assert "struct.iter_unpack, sum" in result.stdout


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
