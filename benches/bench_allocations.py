"""How many memory blocks does a message hold, does an operation leave any behind, and how often does it call an allocator?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["allocations"]
CALLS = CONTESTS["allocator_calls"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_allocations(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)


@pytest.mark.parametrize("contestant", CALLS.contestants, ids=str)
def test_allocator_calls(contestant: Contestant, bench: Bench) -> None:
    bench(CALLS, contestant)
