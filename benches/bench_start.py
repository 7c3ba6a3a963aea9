"""How long does the import take, compared with the bare interpreter and with pykka?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["start"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_start(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
