"""Who owns which environment variable: one prefix, one config class.

A class at module level is known here from the moment it is created; a class made inside a
function is not, since it may be one of many.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from mycelium.errors import ConfigDeclarationError, PrefixClashError

from .fields import NESTING, keys

if TYPE_CHECKING:
    from .base import Config

__all__ = ["check_prefix", "declares", "longer_prefix", "prefix_of", "register"]

_PREFIX = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_")


class _Owner(NamedTuple):
    config: type[Config]
    file: str | None


_by_prefix: dict[str, dict[str, _Owner]] = {}  # prefix, then the qualified name of the class


def check_prefix(name: str, prefix: object) -> None:
    """Raise `ConfigDeclarationError` for what is no prefix."""
    if not (isinstance(prefix, str) and _PREFIX.fullmatch(prefix)):
        reason = f"the prefix {prefix!r} must be capitals that end with one underscore, like 'FEED_'"
        raise ConfigDeclarationError(config=name, reason=reason)


def prefix_of(config: type[Config]) -> str:
    """The prefix of a class, empty where it has none."""
    return config.model_config.get("env_prefix") or ""


def register(config: type[Config]) -> None:
    """Remember a class under its prefix. Raises `PrefixClashError` where another one reads the same variable."""
    prefix, name = prefix_of(config), config.__qualname__
    if not prefix or "<locals>" in name:
        return
    new = _Owner(config, getattr(sys.modules.get(config.__module__), "__file__", None))
    for owner in _owners():
        if _same(new, owner):
            continue
        if prefix_of(owner.config) != prefix:
            clashes = _shared_variables(config, owner.config)
        else:
            clashes = [] if issubclass(config, owner.config) else [prefix]
        if clashes:
            raise PrefixClashError(
                config=_full_name(config), variable=", ".join(clashes), owner=_full_name(owner.config)
            )
    _by_prefix.setdefault(prefix, {})[name] = new


def declares(config: type[Config], variable: str) -> bool:
    """Whether ``variable`` sets something in ``config``, or in a class that shares its prefix."""
    sharing = (owner.config for owner in _owners() if prefix_of(owner.config) == prefix_of(config))
    return any(_declares(one, variable) for one in (config, *sharing))


def longer_prefix(config: type[Config], variable: str) -> bool:
    """Whether a variable under the prefix of ``config`` belongs under a longer prefix that is known.

    ``FEED_DEX_URL`` is no business of ``FEED_`` when there is a class with ``FEED_DEX_``.
    """
    prefix = prefix_of(config)
    return any(len(other) > len(prefix) and variable.startswith(other) for other in _by_prefix)


def _declares(config: type[Config], variable: str) -> bool:
    prefix = prefix_of(config)
    if not prefix or not variable.startswith(prefix):
        return False
    name = variable[len(prefix) :].lower()
    fields = {field_name.lower(): field for field_name, field in config.model_fields.items()}
    if name in fields:
        return True
    head, nested, _ = name.partition(NESTING)
    # What stands below the head is judged later, with the values that lie there.
    return bool(nested) and head in fields and keys(fields[head].annotation) != set()


def _shared_variables(one: type[Config], other: type[Config]) -> list[str]:
    variables = {f"{prefix_of(config)}{name}".upper() for config in (one, other) for name in config.model_fields}
    return sorted(variable for variable in variables if _declares(one, variable) and _declares(other, variable))


def _owners() -> list[_Owner]:
    return [owner for classes in _by_prefix.values() for owner in classes.values()]


def _same(one: _Owner, other: _Owner) -> bool:
    """Whether two classes are one declaration: its module was imported again, or run as a program."""
    if one.config.__qualname__ != other.config.__qualname__:
        return False
    return one.config.__module__ == other.config.__module__ or (one.file is not None and one.file == other.file)


def _full_name(config: type[Config]) -> str:
    return f"{config.__module__}.{config.__qualname__}"
