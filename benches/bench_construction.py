"""What does it cost to make a message, compared with msgspec, protobuf and the like, and with struct.pack?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["construction"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_construction(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
