"""Declared errors: what a declaration must be, what follows from it, and the whole catalogue, error by error."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import pkgutil
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import mycelium.errors
import tlv.errors
from mycelium.cli import cli
from tlv import DeclaredError, catalogue, error_from_dict, error_with_code

ROOT = Path(__file__).resolve().parent.parent


class SampleError(DeclaredError):
    """Errors of these tests."""


class GapError(
    SampleError,
    ValueError,
    code="TEST-001",
    text="{venue}: update {got} after {expected}",
    next_step="take a new snapshot of {venue}",
    retryable=True,
):
    """An update is missing."""

    venue: str
    got: int
    expected: int


class QuietError(SampleError, TimeoutError, code="TEST-002", text="nobody answered"):
    """Has neither parameters nor a next step."""


class AnyError(SampleError, code="TEST-003", text="{value}", next_step="{value}"):
    """Takes anything."""

    value: object


def gap() -> GapError:
    return GapError(venue="binance", got=7, expected=5)


# Catching


@pytest.mark.parametrize("width", [GapError, SampleError, DeclaredError, ValueError, Exception])
def test_an_error_is_caught_as_itself_its_family_ours_and_its_stock_kind(width: type[Exception]) -> None:
    with pytest.raises(width):
        raise gap()


def test_an_error_is_no_other_one() -> None:
    assert not isinstance(gap(), QuietError | TimeoutError)


# What follows from a declaration


def test_the_text_has_code_sentence_and_next_step() -> None:
    assert str(gap()) == "[TEST-001] binance: update 7 after 5; take a new snapshot of binance"
    assert str(QuietError()) == "[TEST-002] nobody answered"


def test_after_several_lines_the_next_step_has_a_line_of_its_own() -> None:
    assert str(AnyError(value="a\nb")) == "[TEST-003] a\nb\na\nb"


def test_the_parameters_are_attributes_and_a_dictionary() -> None:
    assert (gap().venue, gap().got) == ("binance", 7)
    assert gap().values == {"venue": "binance", "got": 7, "expected": 5}
    assert GapError.parameters == {"venue": "str", "got": "int", "expected": "int"}
    assert repr(gap()) == "GapError(venue='binance', got=7, expected=5)"


def test_a_dictionary_for_logs_says_everything() -> None:
    assert gap().to_dict() == {
        "code": "TEST-001",
        "error": "GapError",
        "text": "binance: update 7 after 5",
        "parameters": {"venue": "binance", "got": 7, "expected": 5},
        "retryable": True,
        "next_step": "take a new snapshot of binance",
    }


def test_errors_are_equal_when_class_and_parameters_are() -> None:
    assert gap() == gap()
    assert gap() != GapError(venue="binance", got=8, expected=5)
    assert gap() != QuietError()
    assert gap() != "TEST-001"
    assert len({gap(), gap(), QuietError()}) == 2


@pytest.mark.parametrize(
    "wrong", [{}, {"venue": "x"}, {"venue": "x", "got": 1, "expected": 2, "more": 3}, {"venue": "x", "gut": 1}]
)
def test_the_constructor_takes_exactly_the_declared_parameters(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="GapError takes venue, got, expected; got"):
        GapError(**wrong)  # type: ignore[arg-type]


def test_parameters_are_given_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        GapError("binance", 7, 5)  # type: ignore[call-arg]


def test_a_family_cannot_be_raised() -> None:
    with pytest.raises(TypeError, match="SampleError is a family of errors: raise one of its members"):
        SampleError()


@given(st.text() | st.integers() | st.lists(st.text()) | st.none())
def test_any_value_survives_pickle_copy_and_dictionary(value: object) -> None:
    error = AnyError(value=value)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert twin == error
        assert str(twin) == str(error)
        assert type(twin) is AnyError
    assert error_from_dict(error.to_dict()) == error


@given(st.text(alphabet=string.printable))
def test_braces_in_values_are_left_alone(text: str) -> None:
    assert AnyError(value=text).args == (text,)


def test_a_code_leads_to_its_class() -> None:
    assert error_with_code("TEST-001") is GapError
    with pytest.raises(KeyError):
        error_with_code("TEST-999")
    with pytest.raises(KeyError):
        error_from_dict({"code": "TEST-999", "parameters": {}})


def test_the_catalogue_is_in_the_order_of_the_codes() -> None:
    codes = [error.code for error in catalogue()]
    assert codes == sorted(codes)
    assert {"TEST-001", "TEST-002"} <= set(codes)


# Wrong declarations, refused at import


def declare(name: str = "NewError", parameters: dict[str, object] | None = None, **keywords: Any) -> None:
    namespace = {"__module__": __name__, "__qualname__": name, "__annotations__": parameters or {}}
    type(name, (SampleError,), namespace, **keywords)


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"code": "TEST-001", "text": "x"}, "NewError: code TEST-001 belongs to GapError; codes are never reused"),
        ({"code": "TEST-1", "text": "x"}, "NewError: code 'TEST-1' must look like ABC-001"),
        ({"code": "test-100", "text": "x"}, "must look like ABC-001"),
        ({"code": "T-100", "text": "x"}, "must look like ABC-001"),
        ({"code": "TEST-1000", "text": "x"}, "must look like ABC-001"),
        ({"code": "TEST-100"}, "NewError: text is missing"),
        ({"code": "TEST-100", "text": "{who}"}, "NewError: the template names 'who', which is not a parameter"),
        ({"code": "TEST-100", "text": "x", "next_step": "ask {who}"}, "the template names 'who'"),
        ({"code": "TEST-100", "text": "{}"}, "the template names ''"),
        (
            {"code": "TEST-100", "text": "{what.deep} {how[0]}", "parameters": {"what": "str"}},
            "the template names 'how'",
        ),
        ({"code": "TEST-100", "text": "x", "parameters": {"code": "str"}}, "a parameter cannot be called 'code'"),
        ({"code": "TEST-100", "text": "x", "parameters": {"args": "str"}}, "a parameter cannot be called 'args'"),
    ],
)
def test_a_wrong_declaration_is_refused_when_its_class_is_created(keywords: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=re.escape(complaint)):
        declare(**keywords)
    assert "TEST-100" not in [error.code for error in catalogue()]


def test_a_module_that_is_imported_again_declares_its_errors_again() -> None:
    declare("GapError", code="TEST-001", text="again")
    try:
        assert error_with_code("TEST-001").text == "again"
    finally:
        declared: dict[str, type[DeclaredError]] = vars(importlib.import_module("tlv.declared_error"))["_by_code"]
        declared["TEST-001"] = GapError


# The whole catalogue


APPLICATION = ("actors.errors", "actors.simulator.errors")


def modules_with_errors() -> Iterator[str]:
    yield tlv.errors.__name__
    for module in pkgutil.iter_modules(mycelium.errors.__path__, f"{mycelium.errors.__name__}."):
        yield module.name
    yield from APPLICATION


def everything_declared() -> list[type[DeclaredError]]:
    names = list(modules_with_errors())
    for name in names:
        importlib.import_module(name)
    return [error for error in catalogue() if error.__module__ in names]


SAMPLES: dict[str, Any] = {
    "str": "sample",
    "int": 3,
    "float": 1.5,
    "bool": True,
    "str | None": "sample",
    "int | None": 3,
    "float | None": 1.5,
    "Problems": ["first", "second"],
    "tuple[str, ...]": ["first", "second"],
    "object": "sample",
}

ALL_ERRORS = pytest.mark.parametrize("declared", everything_declared(), ids=lambda declared: declared.code)


def sample_of(declared: type[DeclaredError]) -> DeclaredError:
    return declared(**{name: SAMPLES[kind] for name, kind in declared.parameters.items()})


@ALL_ERRORS
def test_every_error_renders_from_values_of_its_parameters(declared: type[DeclaredError]) -> None:
    error = sample_of(declared)
    assert str(error).startswith(f"[{declared.code}] ")
    assert not re.search(r"\{[a-z_]*\}", str(error)), "a parameter was left out"
    rendered = json.loads(json.dumps(error.to_dict()))
    assert error_from_dict(rendered) == error
    assert pickle.loads(pickle.dumps(error)) == error
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@ALL_ERRORS
def test_every_error_says_what_to_do_next(declared: type[DeclaredError]) -> None:
    assert sample_of(declared).to_dict()["next_step"]


@ALL_ERRORS
def test_every_error_belongs_to_a_family_that_shares_the_letters_of_its_code(declared: type[DeclaredError]) -> None:
    family = next(base for base in declared.__mro__ if "code" not in vars(base) and issubclass(base, DeclaredError))
    assert family is not DeclaredError
    letters = {error.code[:-4] for error in everything_declared() if issubclass(error, family)}
    assert letters == {declared.code[:-4]}


@ALL_ERRORS
def test_every_error_ends_its_name_with_error_and_stands_in_the_tree_of_its_module(
    declared: type[DeclaredError],
) -> None:
    module = importlib.import_module(declared.__module__)
    assert declared.__name__.endswith("Error")
    assert re.search(rf"\b{declared.__name__} +{declared.code}\b", module.__doc__ or ""), "not drawn, or drawn wrongly"
    assert declared.__name__ in module.__all__


def test_the_errors_of_the_framework_are_all_exported_from_one_place() -> None:
    for error in everything_declared():
        if error.__module__.startswith(mycelium.errors.__name__):
            assert getattr(mycelium.errors, error.__name__) is error
            assert error.__name__ in mycelium.errors.__all__


# The command


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["errors", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def with_application() -> list[str]:
    return [argument for name in APPLICATION for argument in ("--import", name)]


def test_the_command_lists_every_error_of_the_library_and_none_of_the_tests() -> None:
    output = run()
    for error in everything_declared():
        assert (error.code in output) == (not error.__module__.startswith("actors"))
    assert "TEST-001" not in output


def test_errors_of_other_modules_are_shown_when_they_are_imported() -> None:
    rows = json.loads(run("--json", *with_application()))
    assert [row["code"] for row in rows] == [error.code for error in everything_declared()]


def test_json_has_all_that_is_declared() -> None:
    [row] = [row for row in json.loads(run("--json")) if row["code"] == "CFG-001"]
    assert row == json.loads(run("cfg-001", "--json"))
    assert row["error"] == "InvalidConfigError"
    assert row["family"] == "ConfigError"
    assert row["also"] == ["ValueError"]
    assert row["parameters"] == {"config": "str", "problems": "Problems"}
    assert row["retryable"] is False
    assert "mycelium config" in row["next_step"]


def test_one_error_is_explained_in_full() -> None:
    output = run("TLV-002")
    assert output.startswith("TLV-002 TruncatedError: ")
    for said in ("parameters", "retry", "next step", "TLVError", "ValueError"):
        assert said in output


def test_an_unknown_code_is_refused_with_the_nearest_one() -> None:
    assert "did you mean 'CFG-00" in run("CFG-0001", code=2)


def test_a_module_that_cannot_be_imported_is_named() -> None:
    assert "there is no module 'no_such_module' here" in run("--import", "no_such_module", code=2)


def test_the_documentation_page_has_the_catalogue_of_today(tmp_path: Path) -> None:
    """`mycelium errors --import actors.errors --import actors.simulator.errors --into docs/errors.md` renews it."""
    page = ROOT / "docs" / "errors.md"
    renewed = tmp_path / "errors.md"
    renewed.write_text(page.read_text())
    run(*with_application(), "--into", str(renewed))
    assert renewed.read_text() == page.read_text()


def test_a_page_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Errors\n")
    assert "lacks the lines" in run("--into", str(page), code=2)
    assert page.read_text() == "# Errors\n"


def test_markdown_has_a_table_for_each_family() -> None:
    output = run("--markdown")
    assert "### CFG: `ConfigError`" in output
    assert all(line.count("|") - line.count("\\|") == 7 for line in output.splitlines() if line.startswith("|"))


def test_the_page_on_errors_declares_an_error_that_works() -> None:
    program = (ROOT / "docs" / "errors.md").read_text().partition("## Declare")[2].partition("```python\n")[2]
    done = subprocess.run(
        [sys.executable, "-c", program.partition("```")[0]], capture_output=True, text=True, check=False, cwd=ROOT
    )
    last = done.stderr.splitlines()[-1]
    assert last.endswith("[SHOP-001] tea is sold out, 3 were asked for; ask again after Monday")
