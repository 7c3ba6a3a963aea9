"""Reads environment variables and .env files the way that pydantic-settings does, keeping where each value came from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from mycelium.errors import EnvFileError

from .fields import NESTING, accepts_none, locate

if TYPE_CHECKING:
    from .base import Config

__all__ = ["DEFAULT_ENV_FILE", "NULL", "EnvFile", "Variables"]

DEFAULT_ENV_FILE = Path(".env")
"""Read where it exists; any other file that is named must exist."""

NULL = "null"
"""What a variable says to mean None, where None is allowed."""


class Variables(EnvSettingsSource):
    """The variables of one place as nested values, by the rules of pydantic-settings.

    Names are matched without regard to case, ``__`` leads into nested models and dictionaries, lists
    and models are JSON. Unlike its base, text that is no JSON is kept: it fails the validation of its
    field, together with everything else that is wrong.
    """

    def __init__(self, config: type[Config], variables: Mapping[str, str]) -> None:
        super().__init__(config)
        self.env_vars = {name.lower(): value for name, value in variables.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            decoded = super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value
        return value if decoded is None else decoded

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = _with_nulls(super().__call__(), self.settings_cls)
        return values

    def variable_for(self, path: tuple[str | int, ...]) -> str:
        """The variable that set what lies at ``path``, or more than that, or the first part of it."""
        names = [str(key).lower() for key in path]
        for depth in range(len(names), 0, -1):
            variable = f"{self.env_prefix.lower()}{NESTING.join(names[:depth])}"
            if variable in self.env_vars:
                return variable.upper()
        whole = f"{self.env_prefix.lower()}{NESTING.join(names)}{NESTING}"
        return next(name for name in self.env_vars if name.startswith(whole)).upper()


class EnvFile:
    """A parsed .env file: the variables, and the line of each."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.variables: dict[str, str] = {}
        self._lines: dict[str, int] = {}
        if path is not DEFAULT_ENV_FILE or self.path.is_file():
            self._parse(self._read())

    def line_of(self, variable: str) -> int:
        """The line that sets ``variable``; the last one where several do."""
        return self._lines[variable.lower()]

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except OSError as error:
            raise EnvFileError(path=str(self.path), reason=error.strerror or str(error)) from error
        except UnicodeDecodeError as error:
            raise EnvFileError(path=str(self.path), reason=f"it is not UTF-8 ({error.reason})") from error

    def _parse(self, text: str) -> None:
        from dotenv import dotenv_values
        from dotenv.parser import parse_stream

        for binding in parse_stream(io.StringIO(text)):
            written = binding.original.string
            line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
            if binding.error:
                raise EnvFileError(path=str(self.path), reason=f"line {line} is not of the form NAME=value")
            if binding.key is not None:
                self._lines[binding.key.lower()] = line
        values = dotenv_values(stream=io.StringIO(text))
        self.variables = {name: value for name, value in values.items() if value is not None}


def _with_nulls(value: Any, annotation: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nulls(inner, locate(annotation, (key,))) for key, inner in value.items()}
    return None if value == NULL and accepts_none(annotation) else value
