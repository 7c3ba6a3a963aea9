"""What does it cost to read two fields of a record in a buffer, compared with struct, ctypes, msgspec, protobuf and the like?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["parsing"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_parsing(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
