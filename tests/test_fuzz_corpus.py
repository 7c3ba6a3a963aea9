"""The inputs that the fuzzer kept, without a fuzzer: both implementations tell the same, and nothing undeclared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Gt

from fuzz import targets, twins
from fuzz.choices import Choices

CORPUS = sorted((Path(__file__).resolve().parent.parent / "fuzz" / "corpus").iterdir())


def inputs_of(name: str) -> list[bytes]:
    return [data for one in CORPUS if Choices(data := one.read_bytes()).one(targets.NAMES) == name]


@pytest.mark.parametrize("name", targets.NAMES)
def test_the_twin_takes_every_input_or_refuses_it_with_a_declared_error(name: str) -> None:
    for data in inputs_of(name):
        assert targets.tells(twins.python(), data) == targets.tells(twins.python(), data)


@pytest.mark.skipif(twins.native() is None, reason="the compiled core was not built")
@pytest.mark.parametrize("name", targets.NAMES)
def test_the_compiled_core_does_as_its_twin(name: str) -> None:
    for data in inputs_of(name):
        targets.agree(data)


@pytest.mark.skipif(twins.native() is None, reason="the compiled core was not built")
def test_a_difference_between_the_implementations_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins.native().frame.Frame, "dispatch", lambda self, handlers: 0)
    with pytest.raises(targets.DifferError, match=r"^frames: at /"):
        for data in inputs_of("frames"):
            targets.agree(data)


@pytest.mark.skipif(twins.native() is None, reason="the compiled core was not built")
def test_what_is_told_of_an_input_does_not_hang_on_those_before_it() -> None:
    """The input declares a `Gt(0)`; `typing` would hand the twin the equal annotation that it has had before."""
    number: Any = Annotated[int, twins.python().IntType(8, signed=False)]
    before: Any = Annotated[number, Gt(0.0)]
    assert Annotated[number, Gt(0)] is before
    targets.agree(bytes.fromhex("03020009000000000000000500020000000007000200000003"))


def test_the_corpus_is_small_and_has_every_target() -> None:
    assert 40 < len(CORPUS) < 200
    assert sum(one.stat().st_size for one in CORPUS) < 300_000
    assert all(len(inputs_of(name)) > 2 for name in targets.NAMES)
