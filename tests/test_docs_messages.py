"""The pages on messages: their programs run and print what the page says, their tables are those of the declarations."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

import tlv
from mycelium.cli import cli
from tests.zero_copy import zero_copy
from tlv import IntType

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "messages.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page_module() -> Iterator[ModuleType]:
    """The module that the programs of the page are; classes must find their module by name."""
    module = ModuleType("messages_page")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def programs(page: str) -> Iterator[tuple[int, str, str | None]]:
    """Line, source and promised output of each program of a page."""
    blocks = list(BLOCK.finditer(page))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] != "python":
            continue
        promised = following and following[1] == "text" and page[block.end() : following.start()].strip() == ""
        line = page.count("\n", 0, block.start()) + 2
        yield line, block[2], following[2] if following and promised else None


@zero_copy
def test_the_programs_print_what_the_page_says(page_module: ModuleType) -> None:
    pytest.importorskip("numpy")
    told = list(programs(PAGE))
    assert len(told) > 10
    for line, source, promised in told:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # Blank lines in front, so that a traceback names the line of the page.
            exec(compile("\n" * (line - 1) + source, "docs/messages.md", "exec", dont_inherit=True), vars(page_module))
        assert printed.getvalue() == (promised or ""), f"the program at line {line} of docs/messages.md"


def test_every_named_width_is_in_the_table() -> None:
    (widths,) = re.findall(r"widths ([\d, ]+);", PAGE)
    named = [name for name in tlv.__all__ if re.fullmatch(r"[iu]\d+", name)]
    assert {f"{sign}{width}" for width in widths.split(", ") for sign in "iu"} == set(named)
    assert IntType(72).name == "i72"


def test_the_pages_it_points_to_are_there() -> None:
    for name in re.findall(r"\]\((\.\./\w+\.md|\w+\.md)", PAGE):
        assert (DOCS / name).is_file(), name


def test_the_page_on_market_data_is_that_of_the_declarations() -> None:
    command = ["describe", "tlv.market_data", "--markdown"]
    page = CliRunner().invoke(cli, command).output
    written = (DOCS / "market_data.md").read_text(encoding="utf-8")
    assert written == page, f"renew it: mycelium {' '.join(command)} > docs/market_data.md"
