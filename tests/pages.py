"""Takes pages apart: blocks of code, links, headings, what stands in backticks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")),
]

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<name>[\w./-]+\.(?:py|toml|env))\n")


@dataclass(frozen=True)
class Block:
    """A block of code. ``line`` is that of its first line in the page, ``follows``: nothing lies between it and the last."""

    page: str
    language: str
    text: str
    line: int
    follows: bool

    @property
    def file(self) -> str | None:
        """The name of the file that it is, told by a comment in its first line."""
        found = FILE.match(self.text)
        return found["name"] if found else None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    text = text_of(page)
    found = []
    end = -1
    for fence in FENCE.finditer(text):
        follows = end >= 0 and not text[end : fence.start()].strip()
        line = text.count("\n", 0, fence.start()) + 2
        found.append(Block(page, fence["language"], fence["text"], line, follows))
        end = fence.end()
    return found


def prose_of(page: str) -> str:
    """The page without its blocks; every line keeps its number."""
    return FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text_of(page))


def links_of(page: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link."""
    for number, line in enumerate(prose_of(page).splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            yield number, target


def code_of(page: str) -> Iterator[tuple[int, str]]:
    """Line and text of all that stands in backticks."""
    prose = prose_of(page)
    for found in re.finditer(r"`([^`]+)`", prose):
        yield prose.count("\n", 0, found.start()) + 1, " ".join(found[1].split())


def anchors_of(page: str) -> set[str]:
    """What a link to a heading of the page may say, as GitHub makes it."""
    headings = re.findall(r"^#+ +(.+?) *$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
