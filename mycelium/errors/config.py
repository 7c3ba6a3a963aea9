"""Errors of configs: how a class is declared, and what its sources say.

::

    ConfigError
      InvalidConfigError        CFG-001  settings that are unknown, missing or break a rule, all told at once
      ConfigDeclarationError    CFG-002  a class that cannot be a config
      PrefixClashError          CFG-003  one variable would set two things
      EnvFileError              CFG-004  the .env file is missing or cannot be read
      ConfigTargetError         CFG-005  `mycelium config` cannot find the classes to show
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsIndex

from tlv.declared_error import DeclaredError

__all__ = [
    "ConfigDeclarationError",
    "ConfigError",
    "ConfigTargetError",
    "EnvFileError",
    "InvalidConfigError",
    "PrefixClashError",
    "Problems",
]


class Problems(list[str]):
    """What is wrong, a sentence each: prints as a list, and is a plain list in logs."""

    def __str__(self) -> str:
        if len(self) == 1:
            return self[0]
        return "".join((f"{len(self)} problems", *(f"\n  - {problem}" for problem in self)))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[type[Problems], tuple[list[str]]]:
        return Problems, (list(self),)


class ConfigError(DeclaredError):
    """Settings: how their class is declared, and what their sources say."""


class InvalidConfigError(
    ConfigError,
    ValueError,
    code="CFG-001",
    text="{config}: {problems}",
    next_step="set what is named to a value that its rule allows; `mycelium config` lists every setting",
):
    """Everything that is wrong with the settings of one class.

    `problems` has one sentence per setting; each names the variable or key, the value (masked when
    it is secret), the source that gave it and the rule.
    """

    config: str
    problems: Problems

    def __init__(self, *, config: str, problems: Iterable[str]) -> None:
        super().__init__(config=config, problems=Problems(problems))


class ConfigDeclarationError(
    ConfigError,
    TypeError,
    code="CFG-002",
    text="{config} cannot be used as a config: {reason}",
    next_step="change the class",
):
    """The class itself is wrong; found when it is created or first loaded."""

    config: str
    reason: str


class PrefixClashError(
    ConfigError,
    TypeError,
    code="CFG-003",
    text="{config}: {variable} belongs to {owner} already",
    next_step="give one of the two another prefix, or its field another name",
):
    """Two classes would read one environment variable; found when the second one is created."""

    config: str
    variable: str
    owner: str


class EnvFileError(
    ConfigError,
    OSError,
    code="CFG-004",
    text="the environment file {path} cannot be read: {reason}",
    next_step="correct the file, give the path of another one, or leave it out (env_file=None)",
):
    """The file that was asked for is not there, or is not text."""

    path: str
    reason: str


class ConfigTargetError(
    ConfigError,
    ValueError,
    code="CFG-005",
    text="{target} names no config: {reason}",
    next_step="name a class (package.module:Class), a module, or a topology file (.toml)",
):
    """What `mycelium config` was asked to show is not there."""

    target: str
    reason: str
