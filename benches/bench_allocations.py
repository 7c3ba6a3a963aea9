"""How many memory blocks does a message hold, and does an operation leave any behind?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["allocations"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_allocations(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
