"""What does a supervisor of its receiver, and a ledger that is read meanwhile, add to the time of a message?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["supervision"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_supervision(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
