"""The site has every page, its links lead to pages of it, and what comes from the code is there."""

from __future__ import annotations

import re
from pathlib import Path
from types import FunctionType

import pytest

from site_build.byte_diagram import byte_diagram
from site_build.pages import OUTSIDE, collect, with_links_of_the_site
from site_build.reference import PAGES
from tests.pages import ROOT
from tlv.market_data import DepthUpdateTLV, TradeTLV

NAVIGATION = re.findall(r"^ +- ([\w./]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("site") / "pages"
    assert collect(into) == len(NAVIGATION)
    return into


def test_every_page_stands_in_the_navigation_once() -> None:
    written = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    made = [*OUTSIDE.values(), *(page for page in PAGES if page.endswith(".md"))]
    assert sorted(NAVIGATION) == sorted([*written, *made]), "every page of docs/ belongs into the nav of mkdocs.yml"


def test_links_lead_to_pages_of_the_site(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    ("text", "folder", "mended"),
    [
        ("[a](../CONTRIBUTING.md#set-up)", "docs", "[a](contributing.md#set-up)"),
        ("[a](../mycelium/bench/suite.py)", "docs", "a"),
        ("[a](nodes.md#start-and-end)", "docs", "[a](nodes.md#start-and-end)"),
        ("[a](docs/nodes.md)", "", "[a](nodes.md)"),
        ("[a](../nodes.md)", "docs/deploy", "[a](../nodes.md)"),
        ("[a](https://zenoh.io) [b](#here)", "docs", "[a](https://zenoh.io) [b](#here)"),
    ],
)
def test_links_are_mended(text: str, folder: str, mended: str) -> None:
    assert with_links_of_the_site(text, Path(folder)) == mended


def test_the_public_names_are_on_the_pages_of_the_reference(pages: Path) -> None:
    import mycelium
    import mycelium.testing
    import tlv

    for module, page in ((mycelium, "mycelium"), (tlv, "tlv"), (mycelium.testing, "testing")):
        text = (pages / f"reference/{page}.md").read_text(encoding="utf-8")
        shown = set(re.findall(r"^::: [\w.]+\.(\w+)$", text, re.MULTILINE))
        defined = {name for name in module.__all__ if isinstance(getattr(module, name), type | FunctionType)}
        assert defined - shown == set()


def test_a_byte_diagram_has_a_cell_for_each_byte() -> None:
    for message in (TradeTLV, DepthUpdateTLV):
        rows = re.findall(r"<tr>(.*?)</tr>", byte_diagram(message))[1:]
        assert len(rows) == message.layout.size // 8
        assert all(sum(map(int, re.findall(r'colspan="(\d)"', row))) == 8 for row in rows)
        assert all(f">{field.name} <small>" in "".join(rows) for field in message.layout.values)


def test_the_settings_of_the_application_are_listed(pages: Path) -> None:
    text = (pages / "reference/configs.md").read_text(encoding="utf-8")
    assert "| `RECORDER_" in text
    assert "| variable | type | default | |" in text


def test_blocks_of_docstrings_are_code() -> None:
    pytest.importorskip("griffe", reason="pip install mycelium-actors[docs] brings it")
    from site_build.docstrings import with_code_blocks

    assert with_code_blocks("A node: ::\n\n    with Node(t) as node:\n        node.wait()\n\nActors start.") == (
        "A node:\n\n```python\nwith Node(t) as node:\n    node.wait()\n```\n\nActors start."
    )
