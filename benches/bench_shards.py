"""What is a second process worth to an actor whose handler has work to do?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["sharding"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_shards(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
