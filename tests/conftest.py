"""What all tests share: the real data beside the repository, and one place that sets up Hypothesis."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tlv import implementation

ROOT = Path(__file__).resolve().parent.parent

# Files of tests about files, pages, settings and the command line itself, whichever implementation runs; and those that
# run two of them side by side.
ONCE = (
    "test_bench_ab",
    "test_bench_cli",
    "test_cli_docs",
    "test_cli_ends",
    "test_cli_tlv",
    "test_config",
    "test_docs.py",
    "test_fuzz_corpus",
    "test_house",
    "test_rollout",
    "test_tlv_build",
    "test_tlv_differential",
    "test_tlv_typing",
    "test_topology.py",
    "test_uniswap_math",
)

# Messages that copy are the way back, no way forward: they must pass what is said about messages and frames.
LEGACY = ("test_tlv_", "test_frame_", "test_batch", "test_records", "test_columns", "test_market_data.py")

# No deadline and no verdict on slow drawing: a busy machine must not fail a property. In CI every run draws the same
# examples, and a failure prints the blob that `@reproduce_failure` takes.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--twins",
        action="store_true",
        help="run the suite on every implementation of tlv that there is, each in a process of its own",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """With --twins: one worker of pytest-xdist for each implementation, and each worker gets the suite."""
    if config.getoption("--twins") and not hasattr(config, "workerinput"):
        config.option.dist = "each"
        config.option.tx = [
            f"popen//execmodel=main_thread_only//env:{implementation.VARIABLE}={one}"
            for one in implementation.available()
        ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --twins: what never touches a message runs once, on the first implementation, and not on each."""
    if not config.getoption("--twins") or implementation.running == implementation.available()[0]:
        return
    kept = [item for item in items if not item.path.name.startswith(ONCE)]
    if implementation.running == "legacy":
        kept = [item for item in kept if item.path.name.startswith(LEGACY)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


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
