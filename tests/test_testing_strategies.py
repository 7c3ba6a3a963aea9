"""`mycelium.testing.strategies`: what it draws for any declaration is right, and is read back as it was."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Gt, Interval, Len, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from mycelium import Domain, actor_messages
from mycelium.testing.strategies import batches, frames, messages
from tests.strategies import Declaration, declarations, ruled_types, share
from tlv import (
    TLV,
    Batch,
    Group,
    NonZero,
    Null,
    Scaled,
    Size,
    f32,
    f64,
    i32,
    i64,
    market_data,
    read_frame,
    u8,
    u16,
    u256,
)

#: For what `find` is to find, and not to make as small as can be.
QUICK = settings(max_examples=3000, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Marks(IntFlag):
    OLD = 1
    NEW = 8


class Level(TLV):
    price: Annotated[i64, Gt(0)]
    size: i64


class Everything(TLV, type=1000):
    small: Annotated[u8, Interval(ge=3, lt=6)]
    wide: Annotated[u256, MultipleOf(1000)]
    signed: Annotated[i32, NonZero()]
    cents: Annotated[Decimal, Scaled(i64, 2), Ge(Decimal("-1.5")), Lt(2)]
    share: Annotated[f64, Ge(0), Lt(1)]
    rough: Annotated[f32, Gt(0.1)]
    flag: bool
    side: Annotated[Side, u8]
    marks: Annotated[Marks, u16]
    key: Annotated[bytes, Size(4)]
    name: Annotated[str, Size(5)]
    pair: Annotated[tuple[Annotated[u8, Lt(10)], ...], Size(2)]
    best: Level
    maybe: Annotated[u16, Null(7)] | None
    levels: Annotated[Group[Level], Len(1, 3)]
    note: Annotated[str, MinLen(2)]
    blob: Annotated[bytes, MaxLen(9)]


class Ordered(TLV, type=1001):
    low: u8
    high: u8

    def validate(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


@actor_messages(domain=Domain.USER)
class Both:
    Everything = Everything
    Ordered = Ordered


@given(messages(Everything))
@share(1)
def test_every_kind_of_field_is_drawn_within_its_rules(message: Everything) -> None:
    message.validate()
    assert 3 <= message.small < 6
    assert message.wide % 1000 == 0
    assert Decimal("-1.5") <= message.cents < 2
    assert isinstance(message.side, Side)
    assert 1 <= len(message.levels) <= 3
    assert Everything.read_from(message.as_bytes()) == message


@pytest.mark.parametrize(
    "rare",
    [
        lambda message: message.small == 5,
        lambda message: message.maybe is None,
        lambda message: message.maybe is not None,
        lambda message: message.marks == Marks.OLD | Marks.NEW,
        lambda message: len(message.levels) == 3,
        lambda message: len(message.name.encode()) == 5,
        lambda message: message.cents > Decimal("1.5"),
        lambda message: message.wide > 2**200,
    ],
)
def test_the_ends_of_what_is_allowed_are_drawn(rare: Any) -> None:
    assert rare(find(messages(Everything), rare, settings=QUICK))


@given(messages(Ordered))
@share(0.5)
def test_the_rule_of_a_class_holds(message: Ordered) -> None:
    assert message.low <= message.high


@given(messages(Ordered, low=st.just(9)))
@share(0.2)
def test_fields_can_be_given(message: Ordered) -> None:
    assert message.low == 9


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="Ordered has no field 'middle'"):
        messages(Ordered, middle=st.just(1))


@given(st.data())
@share(0.3)
def test_any_declaration_has_messages(data: st.DataObject) -> None:
    declaration: Declaration = data.draw(declarations())
    message = data.draw(messages(declaration.message_type))
    message.validate()
    assert declaration.message_type.read_from(message.as_bytes()) == message


@given(st.data())
@share(0.3)
def test_any_declaration_with_rules_has_messages_or_none_at_all(data: st.DataObject) -> None:
    declaration: Declaration = data.draw(declarations(fields_max=1, field_types=ruled_types))
    message = data.draw(messages(declaration.message_type))
    for name, field in declaration.named.items():
        value = getattr(message, name)
        assert all(rule.holds(value) for rule in field.rules)


@pytest.mark.parametrize("name", market_data.__all__)
def test_the_market_data_messages_are_drawn(name: str) -> None:
    found = getattr(market_data, name)
    if isinstance(found, type) and issubclass(found, TLV):
        find(messages(found), lambda _: True, settings=QUICK).validate()


@given(batches(Ordered, size_max=5))
@share(0.3)
def test_batches_have_one_type(batch: Batch[Ordered]) -> None:
    assert batch.message_type is Ordered
    assert 1 <= len(batch) <= 5


@given(frames(Both, size_max=5))
@share(0.3)
def test_frames_are_read_back(frame: bytes) -> None:
    read = read_frame(frame, messages=[Everything, Ordered])
    assert len(list(read)) <= 5
    for message in read:
        message.validate()


def test_without_hypothesis_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from mycelium.testing.strategies import messages\n"
        "from tlv.market_data import TradeTLV\n"
        "messages(TradeTLV)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "[ACT-049] mycelium.testing.strategies needs hypothesis, which is not installed; pip install" in done.stderr
