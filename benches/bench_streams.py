"""What does a message cost from an actor on one node to an actor on another, and how long is a single one on its way?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

MANY = CONTESTS["streams"]
SINGLE = CONTESTS["streams_paced"]


@pytest.mark.parametrize("contestant", MANY.contestants, ids=str)
def test_streams(contestant: Contestant, bench: Bench) -> None:
    bench(MANY, contestant)


@pytest.mark.parametrize("contestant", SINGLE.contestants, ids=str)
def test_streams_paced(contestant: Contestant, bench: Bench) -> None:
    bench(SINGLE, contestant)
