"""What does it cost to read one integer field, compared with an attribute, struct, ctypes, msgspec and the like?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

CONTEST = CONTESTS["field"]


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_field_access(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
