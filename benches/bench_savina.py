"""The Savina actor benchmarks: what do actors cost that talk to each other, compared with plain pykka?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contest, Contestant
from mycelium.bench.savina import SAVINA

from .conftest import Bench

PAIRS = [
    pytest.param(contest, contestant, id=f"{contest.name}-{contestant}")
    for contest in (CONTESTS[make().name] for make in SAVINA)
    for contestant in contest.contestants
]


@pytest.mark.parametrize(("contest", "contestant"), PAIRS)
def test_savina(contest: Contest, contestant: Contestant, bench: Bench) -> None:
    bench(contest, contestant)
