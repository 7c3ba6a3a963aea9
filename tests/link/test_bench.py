"""The contests over links measure what they say, between real processes."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from mycelium.bench import CONTESTS


@pytest.mark.parametrize(
    "contest, contestant",
    [("link_frames", 0), ("link_hops", 1), ("link_hops", 3), ("streams", 0), ("streams_paced", 0), ("sharding", 1)],
)
def test_each_round_gives_a_time_for_every_figure(contest: str, contestant: int) -> None:
    one = CONTESTS[contest].contestants[contestant]
    if not one.is_available:
        pytest.skip(f"{one.name} needs the extra {one.extra}")
    figures = one.prepare()(50)
    assert len(figures) == len(CONTESTS[contest].figures)
    assert all(0 < seconds < 10 for seconds in figures)


def test_who_is_left_out_says_which_extra_it_needs() -> None:
    extras = {
        one.needs: one.extra
        for name in ("link_frames", "link_hops", "streams", "streams_paced")
        for one in CONTESTS[name].contestants
    }
    assert extras == {"iceoryx2": "ipc", "zenoh": "net", "zmq": "peers", "": "peers"}
    assert find_spec("mycelium.bench.link_peer") is not None
