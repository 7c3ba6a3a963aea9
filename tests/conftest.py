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

# No deadline and no verdict on slow drawing: a busy machine must not fail a property. In CI every run draws the same
# examples, and a failure prints the blob that `@reproduce_failure` takes.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session", autouse=True, params=[implementation.running])
def running_implementation(request: pytest.FixtureRequest) -> str:
    """Which implementation of tlv runs: in the id of every test. `make test` runs the suite once on each."""
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
