"""Docstrings as Markdown: an indented block behind ``::`` is code, as it is in plain text."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import griffe

__all__ = ["CodeBlocks", "with_code_blocks"]

_BLOCK = re.compile(r"(?P<before>[^\n]*?)[ ]?::\n\n?(?P<code>(?:[ ]{4}[^\n]*(?:\n+(?=[ ]{4})|\n|$))+)")


class CodeBlocks(griffe.Extension):
    """Makes code of what stands behind two colons."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called by griffe for everything that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = with_code_blocks(obj.docstring.value)


def with_code_blocks(docstring: str) -> str:
    """The docstring with fenced blocks."""

    def fenced(found: re.Match[str]) -> str:
        language = (
            "text" if "├" in found["code"] or "  " in dedent(found["code"]).strip().partition("\n")[0] else "python"
        )
        before = f"{found['before']}\n\n" if found["before"].strip() else ""
        return f"{before}```{language}\n{dedent(found['code']).strip()}\n```\n"

    return _BLOCK.sub(fenced, docstring)
