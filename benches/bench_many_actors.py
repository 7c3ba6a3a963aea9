"""What do 100,000 actors in one process cost: started, sent a message each, stopped; and how many bytes each?"""

from __future__ import annotations

import pykka
import pytest

from mycelium.bench import CONTESTS, Contestant
from mycelium.bench.many_actors import steps_of

from .conftest import Bench

CONTEST = CONTESTS["many_actors"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_many_actors(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)


def test_time_grows_with_the_number_of_actors_and_not_with_its_square() -> None:
    few, many = min(steps_of("mycelium", 2_000)[2] for _ in range(3)), steps_of("mycelium", 20_000)[2]
    assert many < 40 * few
    assert not pykka.ActorRegistry.get_all()
