"""What do metrics that are scraped, and who watches the node, add to the time of a message?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["observing"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_observing(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
