"""What actors log in a program that has set up no logging."""

from __future__ import annotations

import pytest
import structlog

from mycelium import Actor, handles
from mycelium.logging import reset_logging
from tlv import TLV, i64

DEADLINE_S = 60.0


class Number(TLV, type=1000):
    number: i64


class Failing(Actor):
    @handles
    def on_number(self, number: Number) -> None:
        unseen = number.number
        msg = f"{'wrong'} {unseen}"
        raise ValueError(msg)


def test_the_traceback_of_an_actor_that_fails_is_that_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    reset_logging()
    assert not structlog.is_configured()
    actor = Failing.create()
    actor.launch().tell(Number(number=7))
    assert actor.ended.wait(DEADLINE_S)
    told = capsys.readouterr().out
    assert "Traceback (most recent call last):\n" in told
    assert "ValueError: wrong 7" in told
    assert "locals" not in told
    assert "unseen = 7" not in told
