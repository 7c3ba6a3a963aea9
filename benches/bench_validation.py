"""What does it cost to find a record and check its constraints, compared with finding it, and with struct and ifs?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["validation"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_validation(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
