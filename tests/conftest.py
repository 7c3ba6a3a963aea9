"""What all tests share: the real data beside the repository, and one place that sets up Hypothesis."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import adler32

import pytest
from hypothesis import HealthCheck, settings

from tlv import implementation

ROOT = Path(__file__).resolve().parent.parent

# Which part of the suite a worker of --twins has, as "1/2".
SHARE = "MYCELIUM_TEST_SHARE"

# Files of tests about messages and frames: what each implementation has to get right.
MESSAGES = (
    "test_tlv_",
    "test_frame_",
    "test_batch",
    "test_columns",
    "test_define_tlv",
    "test_describe",
    "test_market_data",
)

# And about how mail moves, whose compiled core has a twin too.
MAIL = (
    "test_actor",
    "test_bounds",
    "test_gate",
    "test_inbox",
    "test_ledger",
    "test_mailbox",
    "test_splitter",
    "test_outlet",
    "test_queue",
    "test_ref",
    "test_router",
    "test_source",
    "test_talk.py",
)

# But those that build, check types, or run two implementations side by side.
ONCE = ("test_tlv_build", "test_tlv_differential", "test_tlv_typing")

# Legacy messages copy, and nothing outlives them; their frames are those of the twin in Python.
NOT_FOR_LEGACY = ("test_tlv_lifetimes", "test_frame_bad_input")

# No deadline and no verdict on slow drawing: a busy machine must not fail a property. In CI every run draws the same
# examples, and a failure prints the blob that `@reproduce_failure` takes.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
# What draws its examples does so in full where users run it, and on what stands beside it a third of them.
if SHARE in os.environ and implementation.running != implementation.available()[0]:
    settings.register_profile("twin", settings(), max_examples=settings().max_examples // 3)
    settings.load_profile("twin")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--twins",
        action="store_true",
        help="run the suite on every implementation of tlv that there is, each in a process of its own",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """With --twins: a worker of pytest-xdist for each implementation, and two for the first, which have half of it each."""
    # The suite starts hundreds of programs: each would compile all that it imports anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if config.getoption("--twins") and not hasattr(config, "workerinput"):
        config.option.dist = "each"
        first, *others = implementation.available()
        shares = [(first, "1/2"), (first, "2/2"), *((one, "1/1") for one in others)]
        config.option.tx = [
            f"popen//execmodel=main_thread_only//env:{implementation.VARIABLE}={one}//env:{SHARE}={share}"
            for one, share in shares
        ]


def is_for_here(file: Path, config: pytest.Config) -> bool:
    """With --twins: the whole suite on the first implementation, and what is about messages and mail on the others too."""
    if not config.getoption("--twins") or SHARE not in os.environ:
        return True
    part, parts = map(int, os.environ[SHARE].split("/"))
    everything = implementation.running == implementation.available()[0]
    twins = MESSAGES if implementation.running == "legacy" else MESSAGES + MAIL
    left_out = NOT_FOR_LEGACY + ONCE if implementation.running == "legacy" else ONCE
    wanted = everything or (file.name.startswith(twins) and not file.name.startswith(left_out))
    return wanted and adler32(file.name.encode()) % parts == part - 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare each worker the files of the others: to read all of them takes seconds."""
    return True if collection_path.is_file() and not is_for_here(collection_path, config) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file that was named is always read."""
    config.hook.pytest_deselected(items=[item for item in items if not is_for_here(item.path, config)])
    items[:] = [item for item in items if is_for_here(item.path, config)]


@pytest.fixture(scope="module", autouse=True)
def _collections_look_at_what_this_file_makes() -> None:
    """And not at modules, items and what other files left: a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True, params=[implementation.running])
def running_implementation(request: pytest.FixtureRequest) -> str:
    """Which implementation of tlv runs: in the id of every test."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded market data, described in its README.md; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("the recorded market data is not beside this checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _signals_as_at_a_terminal() -> Iterator[None]:
    """Whoever started the suite may ignore signals (nohup, a background job), and programs inherit that."""
    usual: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
