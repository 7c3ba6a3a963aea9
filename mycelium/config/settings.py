"""Every setting of a config as a row: what it is called, what it may be, what it is and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mycelium.errors import InvalidConfigError

from .base import Config
from .fields import Path as KeyPath
from .fields import alternatives, holds_secret
from .problems import variable_of
from .reading import Reading, dotted
from .texts import type_text, value_text
from .variables import DEFAULT_ENV_FILE

__all__ = ["COMPUTED", "Setting", "Settings", "declared_settings", "describe_settings"]

COMPUTED = "(computed)"
"""Shown for a default that follows from the other settings."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Texts are as an environment variable has them; secrets are masked."""

    name: str
    variable: str
    type: str
    default: str | None
    """None where there is none: the setting is required."""
    current: str | None
    """None where no source gives the required setting."""
    source: str
    description: str
    secret: bool

    def to_dict(self) -> dict[str, Any]:
        """The row for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """The rows of one config class, and everything that is wrong with the values now."""

    config: type[Config]
    rows: tuple[Setting, ...]
    problems: tuple[str, ...]


def describe_settings(
    config: type[Config],
    *,
    section: Mapping[str, Any] | None = None,
    source: str = "section",
    env_file: str | Path | None = DEFAULT_ENV_FILE,
) -> Settings:
    """Read the sources of ``config`` as `Config.load` does, and describe each setting.

    Values that are wrong are shown as they were given; ``problems`` says what is wrong.
    """
    reading = config.read(section=section, source=source, env_file=env_file)
    try:
        values: Any = config(_reading=reading)
        problems: tuple[str, ...] = ()
    except InvalidConfigError as error:
        values, problems = reading.values, tuple(error.problems)
    return Settings(config, tuple(_rows(config, reading, values, (), defaults=None)), problems)


def declared_settings(config: type[Config]) -> tuple[Setting, ...]:
    """Each setting of ``config`` as it is declared; no source is read."""
    return tuple(_rows(config, Reading(config, ()), {}, (), defaults=None))


def _rows(
    model: type[BaseModel], reading: Reading, values: Any, above: KeyPath, defaults: BaseModel | None
) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        path = (*above, name)
        default = _default_of(field) if defaults is None else getattr(defaults, name)
        given = _value_in(values, name)
        inner = _nested_model(field)
        current = default if given is PydanticUndefined else given
        if inner not in (None, model) and (current is PydanticUndefined or isinstance(current, (Mapping, BaseModel))):
            yield from _rows(inner, reading, given, path, default if isinstance(default, BaseModel) else None)
        else:
            yield _row(reading, path, field, current, default)


def _row(reading: Reading, path: KeyPath, field: FieldInfo, current: Any, default: Any) -> Setting:
    layer = reading.layer_of(path)
    default_text = default if default is COMPUTED else value_text(default, field.annotation)
    return Setting(
        name=dotted(path),
        variable=variable_of(reading.config, path),
        type=type_text(field),
        default=None if default is PydanticUndefined else default_text,
        current=None if current is PydanticUndefined else value_text(current, field.annotation),
        source=layer.place(path) if layer else "not set" if current is PydanticUndefined else "default",
        description=field.description or "",
        secret=holds_secret(field.annotation),
    )


def _value_in(values: Any, name: str) -> Any:
    if isinstance(values, Mapping):
        return values.get(name, PydanticUndefined)
    return getattr(values, name, PydanticUndefined)


def _nested_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model whose fields are settings of their own; None where a union leaves it open."""
    kinds = [kind for kind in alternatives(field.annotation) if kind is not None and kind is not type(None)]
    if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel):
        return kinds[0]
    return None


def _default_of(field: FieldInfo) -> Any:
    if field.default_factory is None:
        return field.default
    try:
        return field.get_default(call_default_factory=True)
    except (TypeError, ValueError):  # the factory takes the other settings
        return COMPUTED
