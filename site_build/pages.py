"""Collects the pages of the site in one folder: docs/ as it stands, what lies beside it, and what is made from the code."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .reference import PAGES

__all__ = ["collect", "with_links_of_the_site"]

ROOT = Path(__file__).resolve().parent.parent

#: Pages of the project outside of docs/, and what they are called on the site.
OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def collect(into: Path) -> int:
    """Write all pages into a folder, which begins anew; how many there are."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(ROOT / "docs", into)
    for page in into.rglob("*.md"):
        folder = (Path("docs") / page.relative_to(into)).parent
        page.write_text(with_links_of_the_site(page.read_text(encoding="utf-8"), folder), encoding="utf-8")
    for name, path in OUTSIDE.items():
        text = with_links_of_the_site((ROOT / name).read_text(encoding="utf-8"), Path())
        (into / path).write_text(text, encoding="utf-8")
    for path, make in PAGES.items():
        (into / path).parent.mkdir(exist_ok=True)
        (into / path).write_text(make(), encoding="utf-8")
    return sum(1 for _ in into.rglob("*.md"))


def with_links_of_the_site(text: str, folder: Path) -> str:
    """A page of ``folder`` with links that lead to pages of the site; a file that is none of them is named, and no link."""

    def mended(found: re.Match[str]) -> str:
        target, hash_, anchor = found["target"].partition("#")
        if "://" in target or not target:
            return found[0]
        path = (ROOT / folder / target).resolve().relative_to(ROOT).as_posix()
        up = "../" * max(0, len(folder.parts) - 1)
        if path in OUTSIDE:
            return f"[{found['text']}]({up}{OUTSIDE[path]}{hash_}{anchor})"
        if path.startswith("docs/"):
            return f"[{found['text']}]({up}{path.removeprefix('docs/')}{hash_}{anchor})"
        return found["text"]

    return _LINK.sub(mended, text)
