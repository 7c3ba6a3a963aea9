"""A .env file to start from: every variable, commented out, with its default."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

from .base import Config
from .settings import COMPUTED, Setting, declared_settings
from .texts import dotenv_line

__all__ = ["env_template"]


def env_template(configs: Iterable[type[Config]]) -> str:
    """The text of a .env file for ``configs``. Secrets and required settings are left empty."""
    return "\n".join("\n".join(_part(config)) for config in configs)


def _part(config: type[Config]) -> Iterator[str]:
    summary = inspect.cleandoc(config.__doc__ or "").partition("\n")[0]
    yield f"# {config.__name__}: {summary}" if summary else f"# {config.__name__}"
    yield ""
    for row in declared_settings(config):
        yield from _setting(row)


def _setting(row: Setting) -> Iterator[str]:
    if row.description:
        yield from (f"# {line}".rstrip() for line in row.description.splitlines())
    notes = [row.type, *(["required"] if row.default is None else []), *(["secret"] if row.secret else [])]
    yield f"# {', '.join(notes)}"
    default = "" if row.secret or row.default in (None, COMPUTED) else row.default
    yield f"#{dotenv_line(row.variable, default)}"
    yield ""
