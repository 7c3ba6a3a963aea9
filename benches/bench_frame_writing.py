"""What does a message cost in a frame that is written, compared with struct.pack_into?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["writing"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_frame_writing(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
