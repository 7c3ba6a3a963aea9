"""`Config`: settings of an actor or a program, from arguments, environment, .env and topology file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from mycelium.errors import ConfigDeclarationError, InvalidConfigError

from .fields import NESTING, alternatives
from .prefixes import check_prefix, prefix_of, register
from .problems import problem_of_validator, problems_of
from .reading import KeyLayer, Reading
from .variables import DEFAULT_ENV_FILE

__all__ = ["Config"]

_FIXED = ("case_sensitive", "env_nested_delimiter", "extra", "frozen", "hide_input_in_errors", "validate_default")


class Config(BaseSettings):
    """Base of config classes: pydantic models, frozen, whose settings come from several sources.

    ::

        class TapeConfig(Config, prefix="TAPE_"):
            "Settings of the tape."

            window_s: float = Field(1.0, gt=0, description="seconds per bar")
            token: SecretStr = Field(description="access token of the venue")

        config = TapeConfig.from_env(window_s=2.0)

    What counts, highest first: arguments, environment (``TAPE_WINDOW_S``), the file ``.env``, the
    section of a topology file, defaults. ``__`` leads into nested models (``TAPE_POOL__FEE``), which
    are merged setting by setting. The constructor itself reads nothing but its arguments.

    A class without ``prefix=`` inherits the one of its parent; where there is none either, it is a
    base for others and reads no variables. Raises `ConfigDeclarationError` and `PrefixClashError` when
    a class is created that cannot work, `InvalidConfigError` for everything that is wrong in the values.
    """

    model_config = SettingsConfigDict(
        env_nested_delimiter=NESTING,
        nested_model_default_partial_update=True,
        case_sensitive=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    def __init_subclass__(cls, *, prefix: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherited = {base.model_config.get("env_prefix") for base in cls.__mro__[1:] if hasattr(base, "model_config")}
        if cls.model_config.get("env_prefix") not in inherited:
            reason = "its prefix belongs into the class statement: class Name(Config, prefix=...)"
            raise ConfigDeclarationError(config=cls.__qualname__, reason=reason)
        if prefix is not None:
            check_prefix(cls.__qualname__, prefix)
            cls.model_config["env_prefix"] = prefix

    @classmethod
    def __pydantic_init_subclass__(cls, *, prefix: str | None = None, **options: Any) -> None:
        del prefix
        super().__pydantic_init_subclass__(**options)
        _check_options(cls)
        _check_fields(cls)
        register(cls)

    def __init__(self, *, _reading: Reading | None = None, **values: Any) -> None:
        reading = _reading or Reading(type(self), [KeyLayer("arguments", values)])
        problems = reading.unknown()
        try:
            super().__init__(**reading.values)
        except ValidationError as error:
            problems += problems_of(reading, error)
        except Exception as error:
            problems.append(problem_of_validator(reading, error))
        if problems:
            # Outside of the handler: pydantic's error, which holds secrets in plain text, is not its context.
            raise InvalidConfigError(config=type(self).__name__, problems=problems)

    @classmethod
    def from_env(cls, **arguments: Any) -> Self:
        """The config from arguments, environment, ``.env`` and defaults.

        ``TapeConfig.from_env(window_s=2.0)``. Raises `InvalidConfigError` with everything that is wrong.
        """
        return cls.load(arguments=arguments)

    @classmethod
    def load(
        cls,
        *,
        section: Mapping[str, Any] | None = None,
        source: str = "section",
        arguments: Mapping[str, Any] | None = None,
        env_file: str | Path | None = DEFAULT_ENV_FILE,
    ) -> Self:
        """The config from all sources: `from_env`, and a section of a file below ``.env``.

        ``source`` says in errors what the section is: ``demo.toml [actors.tape.config]``. ``.env`` in
        the working directory may be absent, any other ``env_file`` must exist (`EnvFileError`); None
        reads none.
        """
        return cls(_reading=cls.read(section=section, source=source, arguments=arguments, env_file=env_file))

    @classmethod
    def read(
        cls,
        *,
        section: Mapping[str, Any] | None = None,
        source: str = "section",
        arguments: Mapping[str, Any] | None = None,
        env_file: str | Path | None = DEFAULT_ENV_FILE,
    ) -> Reading:
        """What the sources say, before it is validated: see `describe_settings`."""
        if not prefix_of(cls):
            reason = "it has no prefix to read variables under: class Name(Config, prefix=...)"
            raise ConfigDeclarationError(config=cls.__qualname__, reason=reason)
        return Reading.of(cls, arguments=arguments or {}, section=section, source=source, env_file=env_file)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The values arrive merged, see `Reading`; pydantic-settings adds the defaults of nested models."""
        del env_settings, dotenv_settings, file_secret_settings
        values = getattr(init_settings, "init_kwargs", {})
        return (InitSettingsSource(settings_cls, values, nested_model_default_partial_update=False),)


_API = frozenset({"from_env", "load", "read"})


def _check_options(config: type[Config]) -> None:
    for option in _FIXED:
        if config.model_config.get(option) != Config.model_config.get(option):
            reason = f"its model_config changes {option!r}, on which loading depends"
            raise ConfigDeclarationError(config=config.__qualname__, reason=reason)


def _check_fields(config: type[Config]) -> None:
    for name, field in config.model_fields.items():
        reason = ""
        if name in _API:
            reason = f"the field {name!r} would hide a method of every config"
        elif field.alias or field.validation_alias:
            reason = f"the field {name!r} has an alias; its variable is always the prefix and its name"
        elif any(isinstance(kind, type) and issubclass(kind, BaseSettings) for kind in alternatives(field.annotation)):
            reason = f"the field {name!r} reads sources of its own; nest a pydantic.BaseModel"
        if reason:
            raise ConfigDeclarationError(config=config.__qualname__, reason=reason)
