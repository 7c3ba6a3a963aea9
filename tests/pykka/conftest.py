"""Each test here runs on pykka's own threading actor, and on our shared, pinned and asyncio ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tests.pykka.kinds import KINDS, nothing_left_running


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return cast("type[Any]", request.param)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    with capture_logs(), nothing_left_running():  # ours beside pykka's log: a traceback on a terminal takes long
        yield
