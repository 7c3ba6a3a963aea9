"""`mycelium bench --counters`: what is counted, how counts are read, recorded and compared. Numbers are never judged."""

from __future__ import annotations

import gc
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.bench.counters import (
    COUNTED,
    GROUPS,
    Counts,
    Figures,
    Key,
    SetUp,
    callgrind,
    child,
    compare,
    counts_lines,
    counts_page,
    perf,
    read_counts,
    run_counters,
)
from mycelium.bench.counters.figures import BARE, this_set_up
from mycelium.cli import cli
from mycelium.cli.counters import COUNTERS_PAGE
from mycelium.errors import CounterMissingError, CountFailedError
from tlv import implementation

ROOT = Path(__file__).resolve().parent.parent
ON_X86_64 = platform.machine() in {"x86_64", "AMD64"}
#: One that is built here, so that a test counts one implementation only.
RUNNING = implementation.running if implementation.running in COUNTED else "python"

SET_UP = SetUp(
    python="CPython 3.11.7 (GCC 12.2.0)",
    machine="Linux x86_64, glibc 2.36",
    core="GCC: (Debian 12.2.0-14) 12.2.0",
    libraries="numpy 2.4.6, pykka 4.5.0",
    counter="valgrind 3.19.0, callgrind",
    caches="I1 32768,8,64",
)
VIEW = Key("native", "field", "TradeTLV, view")
UNPACKED = Key(BARE, "field", "struct.unpack_from")


def figures(set_up: SetUp = SET_UP, view: Counts | None = None, bare: Counts | None = None) -> Figures:
    """Those of one operation and of what it stands beside."""
    counts = {VIEW: view or Counts(200, 2, 0), UNPACKED: bare or Counts(400, 1, 0)}
    return Figures(set_up, counts, {"field": "struct.unpack_from"})


def bench(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments], env={implementation.VARIABLE: RUNNING, **environment})


def program(folder: Path, name: str, script: str) -> Path:
    """A shell script in the place of a tool."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked at before all others."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# What is counted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GROUPS)
def test_every_operation_runs_and_each_group_has_a_bare_primitive(name: str) -> None:
    group = GROUPS[name]
    assert group.question.endswith("?")
    assert any(one.ours for one in group.operations)
    assert not group.beside.ours
    for operation, measure in child.measures_of(name).items():
        assert measure(20)[0] > 0, operation


def test_a_message_that_is_told_is_handled() -> None:
    """The operation does what its name says: nothing waits when it is over."""
    actor = GROUPS["tell"].operations[0].prepare()
    assert actor(3_000)[0] > 0


def test_an_operation_can_be_done_for_somebody_who_counts_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(child, "measures_of", lambda name: {"a": done.append, "b": lambda count: done.append(-count)})
    monkeypatch.setattr(gc, "disable", lambda: None)
    child.do_operation("field", 1, 7)
    assert done == [-7]


@pytest.mark.skipif(not ON_X86_64, reason="client requests are written for x86-64")
def test_a_client_request_is_nothing_outside_of_valgrind() -> None:
    with pytest.raises(RuntimeError, match="does not run under valgrind"):
        callgrind.ClientRequests()


# How counts are read ----------------------------------------------------------------------------------------------

DUMP = """\
# callgrind format
version: 1
desc: I1 cache: 32768 B, 64 B, 8-way associative
desc: Trigger: Client Request: 1 field: TradeTLV, view

events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
summary: 9 9 9
fn=(1) somewhere
1 5

totals: 4067367 1185902 659037 235 42 4
"""


def test_a_dump_gives_label_instructions_and_misses_of_reads_and_writes(tmp_path: Path) -> None:
    (tmp_path / "dump.17.1").write_text(DUMP)
    # What callgrind writes at the end by itself is nobody's.
    (tmp_path / "dump.17").write_text(DUMP.replace("Client Request: 1 field: TradeTLV, view", "Program termination"))
    assert list(callgrind.read_dumps(tmp_path)) == [("1 field: TradeTLV, view", Counts(4_067_367, 46, 0))]


def test_a_dump_that_was_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "dump.17.1").write_text(DUMP.partition("totals:")[0])
    with pytest.raises(ValueError, match="without totals"):
        list(callgrind.read_dumps(tmp_path))


def test_what_surrounds_an_operation_cancels() -> None:
    once, twice = Counts(1_000 + 50 * 10, 7 + 2 * 10, 1), Counts(1_000 + 50 * 20, 7 + 2 * 20, 1)
    assert twice.per_message(once, 10) == Counts(50, 2, 0)


def test_perf_tells_which_counter_a_machine_lacks() -> None:
    told = "12345,,instructions:u,100,100.00,,\n67,,L1-dcache-load-misses:u,100,100.00,,\n8,,LLC-load-misses:u,1,1,,\n"
    assert perf.read_counters(told) == Counts(12_345, 67, 8)
    with pytest.raises(ValueError, match="L1-dcache-load-misses:u is not supported here"):
        perf.read_counters(told.replace("67,", "<not supported>,"))


# How counts are recorded ------------------------------------------------------------------------------------------


def test_a_page_is_read_as_it_was_written() -> None:
    written = figures(view=Counts(1_234.4, 0.04, -0.01))
    read = read_counts(counts_page(written))
    assert read.set_up == SET_UP
    assert read.counts == {VIEW: Counts(1_234, 0, 0), UNPACKED: Counts(400, 1, 0)}
    assert read.ratio(VIEW) == pytest.approx(1_234 / 400)
    assert read.ratio(UNPACKED) is None


def test_the_page_has_a_figure_for_every_operation() -> None:
    """`mycelium bench --counters --into docs/counters.md` renews it."""
    recorded = read_counts(COUNTERS_PAGE.written(ROOT / "docs" / "counters.md"))
    wanted = {
        Key(implementation if one.ours else BARE, group.name, one.name)
        for implementation in COUNTED
        for group in GROUPS.values()
        for one in group.operations
    }
    assert set(recorded.counts) == wanted


def test_a_terminal_gets_ratios_and_the_set_up() -> None:
    text = "\n".join(counts_lines(figures()))
    assert "struct.unpack_from" in text
    assert "0.50x" in text
    assert SET_UP.python in text


# How counts are compared ------------------------------------------------------------------------------------------


def test_growth_of_more_than_a_tenth_is_told_with_both_counts() -> None:
    assert not compare(figures(), figures(view=Counts(219, 2, 0))).grown
    found = compare(figures(), figures(view=Counts(221, 2, 0)))
    assert [str(one) for one in found.grown] == ["field: TradeTLV, view (native): 200 -> 221 instructions (+10.5%)"]
    assert found.compared == 2


def test_misses_count_too_but_not_a_quarter_of_one() -> None:
    assert not compare(figures(), figures(view=Counts(200, 2.24, 0.24))).grown
    found = compare(figures(), figures(view=Counts(200, 2.5, 0.5)))
    assert [str(one) for one in found.grown] == [
        "field: TradeTLV, view (native): 2.00 -> 2.50 D1 misses (+25.0%)",
        "field: TradeTLV, view (native): 0.00 -> 0.50 LL misses (new)",
    ]


def test_the_bare_primitive_is_compared_too_and_what_shrinks_is_no_failure() -> None:
    found = compare(figures(), figures(view=Counts(150, 2, 0), bare=Counts(500, 1, 0)))
    assert [one.key for one in found.grown] == [UNPACKED]
    assert [one.key for one in found.shrunk] == [VIEW]


def test_of_another_build_only_ratios_are_compared_and_the_line_says_so() -> None:
    other = replace(SET_UP, python="CPython 3.11.2 (GCC 12.2.0, --enable-optimizations)")
    # Everything has doubled, also the primitive.
    found = compare(figures(), figures(other, view=Counts(400, 9, 9), bare=Counts(800, 9, 9)))
    assert not found.grown
    assert found.compared == 1
    (remark,) = found.remarks
    assert "python CPython 3.11.2 (GCC 12.2.0, --enable-optimizations) instead of CPython 3.11.7" in remark
    assert "only instructions in relation to the bare primitive" in remark
    found = compare(figures(), figures(other, view=Counts(310, 2, 0)))
    assert [str(one) for one in found.grown] == [
        "field: TradeTLV, view (native): 0.50 -> 0.78 times the instructions of struct.unpack_from (+55.0%)"
    ]


@pytest.mark.parametrize(
    "other",
    [replace(SET_UP, python="CPython 3.12.1 (GCC 12.2.0)"), replace(SET_UP, machine="Linux aarch64, glibc 2.36")],
)
def test_across_versions_and_processors_nothing_is_compared_and_the_line_says_so(other: SetUp) -> None:
    found = compare(figures(), figures(other, view=Counts(9_000, 9, 9)))
    assert (found.compared, found.grown) == (0, ())
    assert "nothing is compared" in found.remarks[0]


def test_what_is_not_recorded_is_named() -> None:
    measured = figures()
    recorded = replace(measured, counts={UNPACKED: measured.counts[UNPACKED]})
    assert compare(recorded, measured).unrecorded == (VIEW,)


# Tools that are not there, and that fail --------------------------------------------------------------------------


@pytest.mark.skipif(not ON_X86_64, reason="valgrind is used on x86-64 only")
def test_without_valgrind_the_error_says_what_to_install() -> None:
    result = bench("--counters", PATH="/nowhere")
    assert result.exit_code == 2
    assert "BEN-001" in result.stderr
    assert "apt install valgrind" in result.stderr


@pytest.mark.skipif(not ON_X86_64, reason="valgrind is used on x86-64 only")
def test_a_valgrind_that_does_not_start_is_told(tools: Path) -> None:
    program(tools, "valgrind", "echo 'no tool callgrind' >&2; exit 1")
    with pytest.raises(CounterMissingError, match="no tool callgrind"):
        run_counters(["field"], implementations=[RUNNING])


def test_another_processor_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(CounterMissingError, match=r"this is riscv64.*--with perf"):
        callgrind.counter_version()


@pytest.mark.skipif(not ON_X86_64, reason="valgrind is used on x86-64 only")
def test_a_child_that_fails_is_told_with_its_last_words(tools: Path) -> None:
    program(tools, "valgrind", 'case "$*" in *--version*) echo valgrind-3.19.0;; *) echo killed >&2; exit 3;; esac')
    with pytest.raises(CountFailedError, match=rf"counting field \({RUNNING}\) failed: it ended with code 3: killed"):
        run_counters(["field"], implementations=[RUNNING])


@pytest.mark.skipif(not ON_X86_64, reason="valgrind is used on x86-64 only")
def test_a_child_that_writes_no_counts_is_told(tools: Path) -> None:
    program(tools, "valgrind", "echo valgrind-3.19.0")
    with pytest.raises(CountFailedError):
        run_counters(["field"], implementations=[RUNNING])


PERF = """
if [ "$1" = version ]; then echo perf version 6.1; exit; fi
while [ "$1" != -- ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
for word; do before=$last; last=$word; done
case "$last" in true) last=1; before=1;; esac
echo "$((1000000 + (before + 1) * 7 * last)),,instructions:u,1,1,," > "$out"
echo "500,,L1-dcache-load-misses:u,1,1,," >> "$out"
echo "40,,LLC-load-misses:u,1,1,," >> "$out"
"""


def test_counts_of_perf_are_differences_without_the_loop(tools: Path) -> None:
    program(tools, "perf", PERF)
    found = run_counters(["field"], implementations=[RUNNING], counter="perf")
    assert found.set_up.counter == "perf 6.1"
    # Each operation takes 7 instructions more than the one before it, and the loop was the first.
    assert list(found.counts.values()) == [Counts(7.0 * number, 0, 0) for number in range(1, 5)]


def test_perf_without_counters_is_told(tools: Path) -> None:
    program(tools, "perf", PERF.replace('echo "500', 'echo "<not supported>'))
    result = bench("--counters", "--with", "perf")
    assert result.exit_code == 2
    assert "BEN-001" in result.stderr
    assert "L1-dcache-load-misses:u is not supported here" in result.stderr
    assert "--with valgrind" in result.stderr


@pytest.mark.skipif(not ON_X86_64, reason="valgrind is used on x86-64 only")
def test_ctrl_c_leaves_no_child_behind(tools: Path, tmp_path: Path) -> None:
    heard = tmp_path / "pid"
    os.mkfifo(heard)
    waits = f'case "$*" in *--version*) echo valgrind-3.19.0;; *) echo $$ > {heard}; exec tail -f /dev/null;; esac'
    program(tools, "valgrind", waits)
    # An ignored signal is inherited, and some who run the tests ignore this one.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    counting = subprocess.Popen(
        [sys.executable, "-c", f"{heeds}\nfrom mycelium.cli import main; main()", "bench", "--counters", "--only", "field"],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, implementation.VARIABLE: RUNNING},
    )  # fmt: skip
    pid = int(heard.read_text())
    counting.send_signal(signal.SIGINT)
    _, said = counting.communicate(timeout=60)
    assert counting.returncode == 130, said
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# The command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--counters", "--only", "feild"), "did you mean 'field'"),
        (("--counters", "--rounds", "3"), "--rounds is about times"),
        (("--counters", "--plot", "x.svg"), "--plot is about times"),
        (("--counters", "--with", "perf", "--check", "docs/counters.md"), "--with counts on this machine only"),
        (("--counters", "--into", "docs/counters.md", "--check", "docs/counters.md"), "one at a time"),
        (("--counters", "--into", "docs/benchmarks.md"), "lacks the lines"),
        (("--check", "docs/counters.md"), "--check goes with --counters"),
        (("--with", "perf"), "--with goes with --counters"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_counted(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = bench(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "counted" not in result.stderr


def test_a_page_without_counts_cannot_be_checked(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    result = bench("--counters", "--check", str(page))
    assert result.exit_code == 2
    assert "BEN-003" in result.stderr
    page.write_text(f"{COUNTERS_PAGE.begin}\n{COUNTERS_PAGE.end}\n")
    assert "it does not say what they were counted with" in bench("--counters", "--check", str(page)).stderr


def test_the_list_counts_nothing() -> None:
    result = bench("--counters", "--list")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(GROUPS)
    (told,) = json.loads(bench("--counters", "--list", "--json", "--only", "tell").stdout)
    assert told["operations"] == ["tell and handle", "deque and call"]


def test_a_page_is_renewed_and_checked(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With figures that no tool has counted."""
    page = tmp_path / "page.md"
    page.write_text(f"# Head\n{COUNTERS_PAGE.begin}\nold\n{COUNTERS_PAGE.end}\ntail\n")
    measured = [figures(), figures(), figures(view=Counts(100, 2, 0)), figures(view=Counts(300, 2, 0))]
    monkeypatch.setattr("mycelium.bench.counters.run_counters", lambda *_, **__: measured.pop(0))
    assert bench("--counters", "--into", str(page)).exit_code == 0
    assert page.read_text().startswith("# Head\n")
    assert "old" not in page.read_text()
    same = bench("--counters", "--check", str(page))
    assert same.exit_code == 0
    assert f"2 operations compared with {page}: none has grown by more than 10%" in same.stdout
    less = bench("--counters", "--check", str(page))
    assert less.exit_code == 0
    assert "less than recorded: field: TradeTLV, view (native): 200 -> 100 instructions (-50.0%)" in less.stdout
    assert f"mycelium bench --counters --into {page}" in less.stdout
    more = bench("--counters", "--check", str(page))
    assert more.exit_code == 2
    assert "BEN-004" in more.stderr
    assert "field: TradeTLV, view (native): 200 -> 300 instructions (+50.0%)" in more.stderr


@pytest.mark.skipif(
    not ON_X86_64 or not shutil.which("valgrind"), reason="valgrind is not installed, or this is not x86-64"
)
def test_a_field_is_counted_under_valgrind_and_growth_fails(tmp_path: Path) -> None:
    """From the command to the instructions of a processor that is simulated."""
    view = replace(VIEW, implementation=RUNNING)
    caches = ", ".join(f"{name} {geometry}" for name, geometry in callgrind.CACHES.items())
    set_up = this_set_up(callgrind.counter_version(), caches)
    page = tmp_path / "page.md"
    recorded = Figures(set_up, {view: Counts(5, 0, 0)}, {})
    page.write_text(f"{COUNTERS_PAGE.begin}\n{counts_page(recorded)}\n{COUNTERS_PAGE.end}\n")
    result = bench("--counters", "--only", "field", "--check", str(page), "--json")
    assert result.exit_code == 2, result.output
    assert f"BEN-004] 1 counts have grown by more than 10 %: {view}: 5.00 -> " in result.stderr
    assert f"counted field ({RUNNING})" in result.stderr
    told = json.loads(result.stdout)
    counts = {one["operation"]: one for one in told["counts"]}
    # A field of a tuple is a few instructions of the interpreter, and no miss at all; every other way takes more.
    assert 10 < counts["tuple"]["instructions"] < counts["TradeTLV, view"]["instructions"] < 10_000
    assert abs(counts["tuple"]["d1_misses"]) < 1
    assert counts["TradeTLV, view"]["implementation"] == RUNNING
    assert counts["struct.unpack_from"]["implementation"] == BARE
    assert told["check"]["compared"] == 1
