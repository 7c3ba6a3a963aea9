"""A documentation page with a part that a command writes, between two comments."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["Page"]


class Page:
    """The two comments that mark the part, e.g. ``<!-- bench: written by `mycelium bench --into` -->``."""

    def __init__(self, begin: str, end: str) -> None:
        self.begin = f"<!-- {begin} -->"
        self.end = f"<!-- {end} -->"

    def check(self, path: Path) -> None:
        """Raise ``click.BadParameter`` where the page lacks the comments."""
        self._split(path)

    def is_in(self, path: Path) -> bool:
        """Whether the page has the first of the comments."""
        return self.begin in path.read_text(encoding="utf-8")

    def renew(self, path: Path, written: str) -> None:
        """Replace what stands between the comments."""
        head, tail = self._split(path)
        path.write_text(f"{head}{self.begin}\n\n{written.strip()}\n\n{self.end}{tail}", encoding="utf-8")
        click.echo(f"renewed {path}")

    def written(self, path: Path) -> str:
        """What stands between the comments. Raises ``ValueError`` where the page lacks them."""
        _, begin, rest = path.read_text(encoding="utf-8").partition(self.begin)
        text, end, _ = rest.partition(self.end)
        if not begin or not end:
            raise ValueError(f"it lacks the lines {self.begin} and {self.end}")
        return text

    def _split(self, path: Path) -> tuple[str, str]:
        text = path.read_text(encoding="utf-8")
        head, begin, rest = text.partition(self.begin)
        _, end, tail = rest.partition(self.end)
        if not begin or not end:
            raise click.BadParameter(f"{path} lacks the lines {self.begin} and {self.end}", param_hint="--into")
        return head, tail
