"""How much memory does a service hold, compared with the bare interpreter and plain pykka? And the example topology?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mycelium.bench import CONTESTS, Contestant, run_topology

from .conftest import Bench

ROOT = Path(__file__).resolve().parents[1]


def measure_example(count: int) -> tuple[float, float]:
    """The example topology from its start to its end, however many messages that are."""
    return run_topology(ROOT / "configs" / "market_data.toml", ROOT)


EXAMPLE = Contestant("mycelium run, the example", lambda: measure_example, ours=True)
CONTEST = replace(CONTESTS["memory"], contestants=(*CONTESTS["memory"].contestants, EXAMPLE))


@pytest.mark.parametrize("contestant", CONTEST.contestants, ids=str)
def test_memory(contestant: Contestant, bench: Bench) -> None:
    bench(CONTEST, contestant)
