"""How many messages a second reach a handler in another thread, compared with plain pykka and a bare queue?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["tell"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_tell(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
