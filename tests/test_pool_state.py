from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.services.positions import Position, PositionKey, Positions

KEYS = st.sampled_from(
    [
        PositionKey(b"pool", b"owner", -10, 10),
        PositionKey(b"pool", b"owner", -10, 20),
        PositionKey(b"pool"),
        PositionKey(token_id=1),
    ]
)
CHANGES = st.lists(st.tuples(KEYS, st.integers(), st.integers(), st.integers()))


@given(CHANGES)
def test_a_position_is_the_sum_of_its_changes(changes: list[tuple[PositionKey, int, int, int]]) -> None:
    positions = Positions()
    for key, amount0, amount1, liquidity in changes:
        after = positions.change(key, amount0=amount0, amount1=amount1, liquidity=liquidity)
        assert after == positions[key]
    keys = {key for key, *_ in changes}
    assert len(positions) == len(keys)
    for key in keys:
        own = [amounts for changed, *amounts in changes if changed == key]
        assert positions[key] == Position(*(sum(column) for column in zip(*own, strict=True)))


def test_a_position_without_events_is_nothing() -> None:
    positions = Positions()
    assert positions[PositionKey(token_id=1)] == Position(0, 0, 0)
    assert len(positions) == 0
