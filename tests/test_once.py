"""once: an attribute made when it is first read."""

from __future__ import annotations

import gc
import sys

import pytest

from mycelium import Actor
from mycelium.once import once


class Costly:
    def __init__(self) -> None:
        self.made = 0

    @once
    def answer(self) -> int:
        """What it makes."""
        self.made += 1
        return 42


def test_it_is_made_once_and_may_be_replaced() -> None:
    costly = Costly()
    assert (costly.made, costly.answer, costly.answer, costly.made) == (0, 42, 42, 1)
    costly.answer = 43
    assert costly.answer == 43
    assert Costly().answer == 42


def test_the_class_has_its_documentation() -> None:
    assert Costly.answer.__doc__ == "What it makes."


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions keep a dict in another way")
@pytest.mark.parametrize("name", ["log", "venues", "timers", "watches"])
def test_reading_it_leaves_the_attributes_of_an_actor_where_they_are_read_fast(name: str) -> None:
    actor = Actor.create()
    made = getattr(actor, name)
    held = gc.get_referents(actor)
    assert any(one is made for one in held)
    assert not [one for one in held if type(one) is dict and name in one]
