"""What can be said about declared errors: families, stock kinds, tables for a page."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from tlv import DeclaredError

__all__ = [
    "as_dict",
    "families",
    "family_of",
    "heading",
    "markdown_tables",
    "parameters_text",
    "stock_kinds",
    "summary_of",
]


def families(errors: Iterable[type[DeclaredError]]) -> Iterator[tuple[type[DeclaredError], list[type[DeclaredError]]]]:
    for family, members in groupby(errors, key=family_of):
        yield family, list(members)


def family_of(error: type[DeclaredError]) -> type[DeclaredError]:
    return next(base for base in error.__mro__ if issubclass(base, DeclaredError) and "code" not in base.__dict__)


def heading(family: type[DeclaredError], members: Sequence[type[DeclaredError]]) -> str:
    return f"{members[0].code.partition('-')[0]}: {summary_of(family)}"


def summary_of(kind: type[DeclaredError]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def stock_kinds(error: type[DeclaredError]) -> list[str]:
    """The kinds outside of this project that the error also is."""
    kinds = [base for base in error.__mro__ if not issubclass(base, DeclaredError)]
    direct = [kind for kind in kinds if kind not in (Exception, BaseException, object)]
    return [
        _kind_name(kind)
        for kind in direct
        if not any(kind is not other and issubclass(other, kind) for other in direct)
    ]


def _kind_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


def parameters_text(error: type[DeclaredError]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in error.parameters.items())


def as_dict(error: type[DeclaredError]) -> dict[str, Any]:
    return {
        "code": error.code,
        "error": error.__name__,
        "family": family_of(error).__name__,
        "also": stock_kinds(error),
        "summary": summary_of(error),
        "text": error.text,
        "parameters": dict(error.parameters),
        "retryable": error.retryable,
        "next_step": error.next_step,
    }


def markdown_tables(errors: Iterable[type[DeclaredError]]) -> str:
    parts = []
    for family, members in families(errors):
        parts += [f"### {members[0].code.partition('-')[0]}: `{family.__name__}`", "", summary_of(family), ""]
        parts += ["| code | class | text | also | retry | next step |", "|---|---|---|---|---|---|"]
        for error in members:
            cells = (
                f"`{error.code}`",
                f"`{error.__name__}`",
                _cell(error.text),
                ", ".join(f"`{kind}`" for kind in stock_kinds(error)),
                "yes" if error.retryable else "",
                _cell(error.next_step),
            )
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    """Text for a cell of a table: one line, without signs that end a cell or look like HTML."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
