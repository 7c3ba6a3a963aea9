"""The five declarations come from one place, and go together: one service with all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import annotated_types
import pydantic
import pykka
import pytest

import mycelium
import tlv
from mycelium import Actor, declarations, handles
from mycelium.declarations import (
    TLV,
    Config,
    DeclaredError,
    Doc,
    Domain,
    FrameWriter,
    Ge,
    Group,
    Gt,
    Setting,
    Size,
    actor_messages,
    i64,
    pad,
    padding,
    read_frame,
    u32,
)
from mycelium.errors import InvalidConfigError
from tlv import ConstraintError, RuleError, error_from_dict


class Leg(TLV):
    """One part of an order."""

    price: Annotated[i64, Gt(0), Doc("limit price", unit="cent")]
    pieces: Annotated[i64, Ge(1), Doc("how many")]


@actor_messages(domain=Domain.USER)
class Desk:
    class Order(TLV, type=1001):
        """An order with its parts."""

        client: Annotated[str, Size(8), Doc("who wants it")]
        pieces: Annotated[i64, Ge(1), Doc("how many in all")]
        venue_id: u32
        _padding: pad[4] = padding()
        legs: Annotated[Group[Leg], Doc("its parts")] = ()

        def validate(self) -> None:
            if self.pieces != sum(leg.pieces for leg in self.legs):
                raise ValueError("the pieces are not those of its legs")


class DeskConfig(Config, prefix="DESK_"):
    """What the desk takes."""

    pieces_max: int = Setting(default=100, ge=1, description="the most pieces of an order")


class TooManyPiecesError(
    DeclaredError, ValueError, code="DESK-001", text="{client} wants {pieces} pieces, {most} are allowed",
    next_step="split the order",
):  # fmt: skip
    """An order that is too large."""

    client: str
    pieces: int
    most: int


class Gate(Actor, receives=Desk.Order):
    use_daemon_thread = True

    def __init__(self, config: DeskConfig) -> None:
        super().__init__()
        self.pieces_max = config.pieces_max

    @handles
    def on_order(self, order: Desk.Order) -> int:
        order.validate()
        if order.pieces > self.pieces_max:
            raise TooManyPiecesError(client=order.client, pieces=order.pieces, most=self.pieces_max)
        return order.pieces


def order(pieces: int, *legs: int) -> Desk.Order:
    return Desk.Order(client="ada", pieces=pieces, venue_id=1, legs=[Leg(100, leg) for leg in legs])


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all(timeout=60.0)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> mycelium.ActorRef[Gate]:
    monkeypatch.setenv("DESK_PIECES_MAX", "10")
    return Gate.start(DeskConfig.from_env())


def test_one_message_with_all_of_them(gate: mycelium.ActorRef[Gate]) -> None:
    """Declared, read in place from a frame, validated, bounded by a setting, refused with an error that survives a wire."""
    writer = FrameWriter()
    for one in (order(7, 3, 4), order(11, 11), order(5, 4), order(0), order(1, 0)):
        writer.append(one)
    good, large, torn, empty, hollow = read_frame(writer.finish(), messages=[Desk.Order])
    assert gate.ask(good, timeout=60.0) == 7
    gate.stop()

    def asked(message: TLV) -> BaseException:
        fresh = Gate.start(DeskConfig.from_env())
        with pytest.raises(DeclaredError) as raised:
            fresh.ask(message, timeout=60.0)
        return raised.value

    refused = asked(large)
    assert str(refused) == "[DESK-001] ada wants 11 pieces, 10 are allowed; split the order"
    assert isinstance(refused, TooManyPiecesError)
    assert error_from_dict(json.loads(json.dumps(refused.to_dict()))) == refused
    assert isinstance(asked(torn), RuleError)
    assert isinstance(asked(empty), ConstraintError)
    assert "legs[0].pieces" in str(asked(hollow))


def test_its_setting_is_checked_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_PIECES_MAX", "0")
    with pytest.raises(InvalidConfigError, match="DESK_PIECES_MAX"):
        DeskConfig.from_env()


@pytest.mark.parametrize("name", declarations.__all__)
def test_each_is_the_same_as_where_it_lives(name: str) -> None:
    homes = (tlv, mycelium, annotated_types)
    home = next((home for home in homes if hasattr(home, name)), None)
    assert getattr(declarations, name) is (pydantic.Field if home is None else getattr(home, name))


def test_the_docstring_names_all_of_them() -> None:
    text = declarations.__doc__ or ""
    spans = {*declarations.__all__} - {name for name in declarations.__all__ if name[1:].isdecimal()}
    assert [name for name in sorted(spans) if f"`{name}`" not in text] == []


def test_examples_stand_in_the_place_that_the_plan_names() -> None:
    examples = Path(__file__).resolve().parent.parent / "examples"
    for name in ("zero_copy_tlv.py", "validated_config.py", "actor_messages.py"):
        assert (examples / name).is_file()
