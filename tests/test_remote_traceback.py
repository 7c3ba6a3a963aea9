"""An error on its way to the one who asked: the same class, code and parameters, and where it was raised as text."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorRef, handles
from mycelium.testing import Simulation
from tlv import TLV, DeclaredError, i64

DEADLINE = 30.0


class Question(TLV, type=1000):
    number: i64


class RefusalError(DeclaredError, ValueError, code="TEST-040", text="{number} is refused", next_step="ask for less"):
    """What the actors of these tests raise."""

    number: int


class SlottedError(Exception):
    """An error that takes no attributes and no notes."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def add_note(self, note: str, /) -> None:
        raise TypeError(note)


@pytest.fixture(params=["default", "pinned", "asyncio", "simulation"])
def dispatcher(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "simulation":
        with Simulation():
            yield "default"
    else:
        yield request.param
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)


def refusing(dispatcher: str) -> ActorRef[Any]:
    class Refusing(Actor, receives=Question, dispatcher=dispatcher):
        @handles
        def on_question(self, question: Question) -> None:
            if question.number == 1:
                raise RefusalError(number=question.number)
            if question.number == 2:
                raise SlottedError
            raise LookupError(question.number)

    return Refusing.start()


def test_the_error_keeps_its_class_code_and_parameters_and_says_where_it_was_raised(dispatcher: str) -> None:
    ref = refusing(dispatcher)
    with pytest.raises(RefusalError) as caught:
        ref.ask(Question(1), timeout=DEADLINE)
    assert (caught.value.code, caught.value.number) == ("TEST-040", 1)
    told = caught.value.remote_traceback  # type: ignore[attr-defined]
    assert told.startswith("Traceback (most recent call last):\n")
    assert "raise RefusalError(number=question.number)" in told
    assert told.endswith("RefusalError: [TEST-040] 1 is refused; ask for less\n")
    assert "mycelium/actor/handling.py" not in told
    with pytest.raises(LookupError) as stock:
        ref.ask(Question(3), timeout=DEADLINE)
    assert "raise LookupError(question.number)" in stock.value.remote_traceback  # type: ignore[attr-defined]


def test_an_error_that_takes_no_attributes_reaches_the_asker_all_the_same(dispatcher: str) -> None:
    ref = refusing(dispatcher)
    with pytest.raises(SlottedError):
        ref.ask(Question(2), timeout=DEADLINE)
    assert ref.is_alive()


def test_a_pickle_of_it_keeps_all_that_was_said_and_can_be_printed() -> None:
    ref = refusing("default")
    try:
        with pytest.raises(RefusalError) as caught:
            ref.ask(Question(1), timeout=DEADLINE)
    finally:
        ref.stop()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is RefusalError
    assert again == caught.value
    assert (again.code, again.values, again.retryable) == ("TEST-040", {"number": 1}, False)
    assert again.__notes__ == ["raised by actor Refusing while it handled Question"]
    assert again.remote_traceback == caught.value.remote_traceback  # type: ignore[attr-defined]
    assert again.__notes__[0] in "".join(traceback.format_exception(again))


def test_an_error_that_passes_two_actors_names_both_and_holds_the_whole_way() -> None:
    class Between(Actor, receives=Question):
        def __init__(self, behind: ActorRef[Any]) -> None:
            super().__init__()
            self.behind = behind

        @handles
        def on_question(self, question: Question) -> Any:
            return self.behind.ask(question, timeout=DEADLINE)

    behind = refusing("default")
    between = Between.start(behind)
    try:
        with pytest.raises(RefusalError) as caught:
            between.ask(Question(1), timeout=DEADLINE)
    finally:
        between.stop()
        behind.stop()
    assert [note.split()[3] for note in caught.value.__notes__] == ["Refusing", "Between"]
    told = caught.value.remote_traceback  # type: ignore[attr-defined]
    assert told.index("self.behind.ask") < told.index("raise RefusalError")
    assert "raised by actor" not in told
