"""`mycelium bench ab`: what is a difference and what is noise, and the command that measures it."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mycelium.bench import ab
from mycelium.bench.ab import compare, operations, run_ab
from mycelium.bench.ab_tables import ab_lines
from mycelium.bench.ab_turn import WORKLOADS
from mycelium.bench.distinguish import ROUNDS_MIN, interval_of, with_itself
from mycelium.bench.service import TOPOLOGY
from mycelium.cli import bench_ab, cli
from mycelium.errors.bench import BenchProcessError
from tlv.implementation import available

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", "ab", *arguments])


# Difference and noise ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15), (50, 18, 33), (100, 40, 61)],
)
def test_the_bounds_are_those_of_the_tables(count: int, low: int, high: int) -> None:
    """As Conover's table of the sign test has them, for a confidence of 95 %."""
    values = list(range(1, count + 1))
    random.Random(count).shuffle(values)
    interval = interval_of(values)
    assert (interval.low, interval.high) == (low, high)
    assert interval.median == (count + 1) / 2


def test_of_five_values_nothing_can_be_told() -> None:
    interval = interval_of([2.0] * (ROUNDS_MIN - 1))
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert interval.holds(1.0)
    assert interval_of([3.0]).median == 3.0
    with pytest.raises(ValueError, match="no values"):
        interval_of([])


def noisy(draw: random.Random, rounds: int) -> list[float]:
    """Times as a busy machine gives them: mostly close, now and then twice as long."""
    return [100e-9 * draw.lognormvariate(0, 0.02) * (2 if draw.random() < 0.1 else 1) for _ in range(rounds)]


@pytest.mark.parametrize("rounds", [6, 20, 41])
def test_the_same_thing_measured_twice_is_rarely_called_different(rounds: int) -> None:
    """In 1 of 20 series at most, and not much less often: an interval that never errs tells nothing."""
    draw = random.Random(rounds)
    series = 3_000
    wrong = sum(compare("w", "o", noisy(draw, rounds), noisy(draw, rounds)).distinguishable for _ in range(series))
    # Exactly 3.1 %, 4.1 % and 2.8 % of all series; four standard deviations of a count are about 1.4 %.
    assert 0.012 < wrong / series < 0.058


def test_ten_per_cent_are_told_apart_from_noise() -> None:
    draw = random.Random(7)
    found = 0
    for _ in range(200):
        one = compare("w", "o", noisy(draw, 20), [1.1 * seconds for seconds in noisy(draw, 20)])
        found += one.distinguishable
        assert one.speed.low <= one.speed.median <= one.speed.high
    assert found == 200


def test_a_fixed_comparison() -> None:
    a = [2.0, 2.0, 4.0, 2.0, 2.0, 2.0]
    b = [6.0, 5.0, 12.0, 8.0, 6.0, 7.0]
    one = compare("parsing", "ref_from", a, b)
    assert (one.a.best, one.a.median, one.b.best, one.b.median) == (2.0, 2.0, 5.0, 6.5)
    assert (one.speed.median, one.speed.low, one.speed.high) == (3.0, 2.5, 4.0)
    assert one.distinguishable
    assert one.steady


def test_neighbours_in_time_are_compared_and_a_drift_is_none() -> None:
    assert with_itself([9.0, 1.0, 2.0, 3.0, 6.0, 9.0]) == [2.0, 0.5]
    drifting = [1.1**i for i in range(40)]
    assert interval_of(with_itself(drifting)).holds(1.0)


def test_a_slower_side_is_below_one() -> None:
    one = compare("w", "o", [3.0] * 6, [1.0] * 6)
    assert one.speed.median == pytest.approx(1 / 3)
    assert one.distinguishable


# The turns --------------------------------------------------------------------------------------------------------


class Turns:
    """Stands for the processes: answers with given seconds, and notes who was asked."""

    def __init__(self, seconds: dict[str, float], handled: dict[str, int] | None = None) -> None:
        self.seconds = seconds
        self.handled = handled or {}
        self.order: list[str] = []

    def __call__(self, choice: str, arguments: Sequence[str]) -> Any:
        self.order.append(choice)
        if "run" in arguments:
            return {"seconds": self.seconds[choice], "total": {"handled": self.handled[choice]}}
        return dict.fromkeys(arguments[2:], self.seconds[choice])


def test_sides_take_turns_and_neither_comes_first_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns({"native": 1e-7, "legacy": 4e-7})
    monkeypatch.setattr(ab, "_turn", turns)
    heard: list[int] = []
    report = run_ab("native", "legacy", [operations(["parsing", "field"])], rounds=6, told=heard.append)
    assert turns.order == ["native", "legacy", "legacy", "native"] * 3
    assert heard == list(range(6))
    assert [one.workload for one in report.comparisons] == ["parsing", "field"]
    text = "\n".join(ab_lines(report))
    assert "a = native, b = legacy; 6 rounds" in text
    assert "4.00x" in text
    assert text.count("yes\n") == 2


def test_runs_that_did_not_do_the_same_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ab, "_turn", Turns({"native": 1.0, "legacy": 2.0}, {"native": 2000, "legacy": 1000}))
    report = run_ab("native", "legacy", [ab.topology(tmp_path / "few.toml")], rounds=6)
    assert not report.same_work
    assert report.comparisons[0].speed.median == 4.0
    assert "not the same work: a handled 2,000 messages, b 1,000" in list(ab_lines(report))[-1]


def test_a_machine_on_which_a_differs_from_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [1.0] + [part for i in range(8) for part in ((1.0, 2.0) if i % 2 else (2.0, 1.0))]
    one = compare("parsing", "ref_from", seconds, seconds)
    assert not one.steady
    assert not one.distinguishable
    monkeypatch.setattr(ab, "_turn", Turns({"native": 1.0, "legacy": 1.0}))
    report = run_ab("native", "legacy", [operations(["parsing"])], rounds=6)
    object.__setattr__(report, "comparisons", (one,))
    assert "parsing: a differs from itself (0.50x to 0.50x): the machine was not steady" in "\n".join(ab_lines(report))


def test_workloads_are_contests_over_operations() -> None:
    assert {"construction", "parsing", "field", "writing", "dispatch", "columns", "tell"} <= set(WORKLOADS)
    assert not {"ask", "allocations", "memory", "start"} & set(WORKLOADS)
    assert WORKLOADS["tell"].contest.count == 20_000
    assert WORKLOADS["dispatch"].operation == "read_frame, dispatch"


def test_a_process_that_fails_is_a_declared_error() -> None:
    with pytest.raises(BenchProcessError, match=r"BEN-011.*MYCELIUM_TLV=python: it ended with code 1: KeyError"):
        ab._turn("python", ("-m", "mycelium.bench.ab_turn", "nothing"))
    with pytest.raises(BenchProcessError, match="no JSON"):
        ab._turn("python", ("-c", "print('hello')"))


# The command ------------------------------------------------------------------------------------------------------


def test_the_command_compares_operations_and_a_topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ab, "_turn", cache(ab._turn))  # a process for each side of each, not six
    file = tmp_path / "few.toml"
    file.write_text(TOPOLOGY.format(trades=50))
    a = available()[0]
    result = run(
        "--a", a, "--b", "legacy", "--workload", "field", "--topology", str(file),
        "--set", "feed.trades=100", "--rounds", "6", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["a"], told["b"], told["rounds"]) == (a, "legacy", 6)
    assert [one["workload"] for one in told["comparisons"]] == ["field", "few.toml"]
    for one in told["comparisons"]:
        assert 0 < one["a"]["best"] <= one["a"]["median"]
        assert one["speed"]["low"] <= one["speed"]["median"] <= one["speed"]["high"]
        assert one["itself"]["low"] is None
    assert told["done"] == [[200], [200]]
    assert told["same_work"]
    assert "round 6 of 6" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--a", "python"), "'--b'"),
        (("--a", "quick", "--b", "legacy"), "'quick' is not one of"),
        (("--a", "python", "--b", "legacy", "--workload", "parsin"), "did you mean 'parsing'?"),
        (("--a", "python", "--b", "legacy", "--workload", "memory"), "no workload 'memory'"),
        (("--a", "python", "--b", "legacy", "--rounds", "5"), "--rounds"),
        (("--a", "python", "--b", "legacy", "--topology", "no.toml"), "no.toml"),
        (("--a", "python", "--b", "legacy", "--set", "feed.trades=1"), "belong to a topology"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "round" not in result.stderr.replace("--rounds", "")


def test_an_implementation_that_was_not_built_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.cli.restart.available", lambda: ("python", "legacy"))
    result = run("--a", "native", "--b", "legacy")
    assert result.exit_code == 2
    assert "[TLV-013] MYCELIUM_TLV=native cannot be had: it was not built" in result.stderr


def test_a_topology_that_is_wrong_is_told_with_its_own_error(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[topology]\nnmae = 'x'\n")
    result = run("--a", "python", "--b", "legacy", "--topology", str(file))
    assert result.exit_code == 2
    assert "BEN-011" in result.stderr
    assert "TOP-003" in result.stderr


def test_options_of_bench_do_not_stand_before_it() -> None:
    result = CliRunner().invoke(cli, ["bench", "--rounds", "3", "ab", "--a", "python", "--b", "legacy"])
    assert result.exit_code == 2
    assert "--rounds is not an option of `mycelium bench ab`" in result.stderr


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "mycelium", "bench", "ab", "--a", "python", "--b", "legacy"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as going:
        assert going.stderr is not None
        assert going.stderr.readline() == "round 1 of 20\n"
        going.send_signal(signal.SIGINT)
        out, err = going.communicate(timeout=60)
    assert (going.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "mycelium: stopped at once"
    assert "Traceback" not in err


def test_the_usual_workloads_exist() -> None:
    assert set(bench_ab._USUAL) <= set(WORKLOADS)
