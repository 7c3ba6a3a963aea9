"""What does a trade of a Databento file cost, read by us and by databento-dbn?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["databento"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_databento(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
