"""What all benches share: a contestant is measured by pytest-benchmark, and the figures are told per operation.

The workloads are those of `mycelium.bench`. Here they run longer, one contestant after the other, so that
pytest-benchmark can save, compare and draw them (``make bench ARGS="--benchmark-save=before"``). Ratios that
are worth quoting come from `mycelium bench`, where the contestants take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mycelium.bench import Contest, Contestant, Samples, contest_lines, result_of
from mycelium.bench.timing import close_measure

#: The long form takes so many times the rounds of the short one.
LONGER = 3

Bench = Callable[[Contest, Contestant], None]
RESULTS = pytest.StashKey[dict[str, tuple[Contest, Samples]]]()


@pytest.fixture
def bench(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Bench:
    """Measures one contestant of a contest, in rounds of ``contest.count`` operations."""

    def run(contest: Contest, contestant: Contestant) -> None:
        if not contestant.is_available:
            pytest.skip(f"needs {contestant.needs}: make bench-peers")
        measure = contestant.prepare()
        values: list[tuple[float, ...]] = []
        count = contest.count_of(contestant)
        # What pytest-benchmark tells is the time of a round: it compares those of as many operations.
        benchmark.group = f"{contest.question} ({count:,} operations a round)"
        try:
            benchmark.pedantic(  # type: ignore[no-untyped-call]
                lambda: values.append(measure(count)),
                rounds=contest.rounds * LONGER,
                warmup_rounds=1,
            )
        finally:
            close_measure(measure)
        del values[0]  # the warm-up
        benchmark.extra_info.update(
            {
                figure.name: min(column)
                for figure, column in zip(contest.figures, zip(*values, strict=True), strict=True)
            }
        )
        found = request.config.stash.setdefault(RESULTS, {})
        found.setdefault(contest.name, (contest, {}))[1][contestant.name] = values

    return run


def pytest_configure(config: pytest.Config) -> None:
    """As in `mycelium bench`: no collection of garbage meanwhile."""
    config.option.benchmark_disable_gc = True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the figures of one operation, which is what a bench is about."""
    for contest, samples in config.stash.get(RESULTS, {}).values():
        held = replace(contest, contestants=tuple(one for one in contest.contestants if one.name in samples))
        terminalreporter.section(contest.name)
        for line in contest_lines(result_of(held, samples)):
            terminalreporter.write_line(line)
