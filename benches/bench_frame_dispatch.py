"""What does a message cost from a frame into a Python handler, compared with struct.iter_unpack?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["dispatch"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_frame_dispatch(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
