"""What does a message cost when a column is summed, compared with NumPy on a plain array and with struct?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["columns"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_columns(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
