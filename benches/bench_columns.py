"""What does a message cost when a column is summed, compared with NumPy on a plain array and with struct?"""

from __future__ import annotations

import pytest

from mycelium.bench import CONTESTS, Contestant

from .conftest import Bench

SHORT, LONG = CONTESTS["columns"], CONTESTS["long_columns"]


@pytest.mark.parametrize("contestant", SHORT.contestants, ids=str)
def test_columns_of_1_000_messages(contestant: Contestant, bench: Bench) -> None:
    bench(SHORT, contestant)


@pytest.mark.parametrize("contestant", LONG.contestants, ids=str)
def test_columns_of_100_000_messages(contestant: Contestant, bench: Bench) -> None:
    bench(LONG, contestant)
