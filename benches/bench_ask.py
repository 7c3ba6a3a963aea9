"""How long does a question to another thread take, compared with plain pykka and a bare hand-off by locks?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["ask"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_ask(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
