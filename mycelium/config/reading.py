"""The sources of one config, merged: arguments, environment, .env file, section; each value knows its source."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from mycelium.nearest import did_you_mean

from .fields import NESTING, Path, child, keys, locate
from .prefixes import declares, longer_prefix, prefix_of
from .variables import EnvFile, Variables

if TYPE_CHECKING:
    from .base import Config

__all__ = ["Layer", "Reading", "dotted"]


class Layer(ABC):
    """What one source says."""

    source: str
    values: dict[str, Any]

    def place(self, path: Path) -> str:
        """Where the value at ``path`` was set, for a table."""
        del path
        return self.source

    @abstractmethod
    def origin(self, path: Path) -> str:
        """Where the value at ``path`` was set, and as what, for an error."""

    @abstractmethod
    def unknown(self, config: type[Config]) -> Iterator[str]:
        """A sentence for each name that the config does not have."""


class KeyLayer(Layer):
    """Values under the names of the fields: the arguments of a call, a section of a topology."""

    def __init__(self, source: str, values: Mapping[str, Any]) -> None:
        self.source = source
        self.values = dict(values)

    def origin(self, path: Path) -> str:
        return f"{dotted(path)} in {self.source}"

    def unknown(self, config: type[Config]) -> Iterator[str]:
        for path in unknown_paths(config, self.values):
            known = keys(locate(config, path[:-1])) or ()
            yield f"there is no setting {dotted(path)} ({self.source}): {did_you_mean(str(path[-1]), known, 'settings')}"


class VariableLayer(Layer):
    """Values under prefixed names: the environment."""

    source = "environment"

    def __init__(self, config: type[Config], variables: Mapping[str, str]) -> None:
        # A class without a prefix reads no variables.
        prefix = prefix_of(config)
        self._names = [name for name in variables if prefix and name.upper().startswith(prefix)]
        self._variables = Variables(config, {name: variables[name] for name in self._names})
        self.values = self._variables()

    def place(self, path: Path) -> str:
        return self.place_of(self._variables.variable_for(path))

    def origin(self, path: Path) -> str:
        variable = self._variables.variable_for(path)
        inside = "" if len(path) <= variable.count(NESTING) + 1 else f"inside {variable}, "
        return f"{inside}{self.place_of(variable)}"

    def place_of(self, variable: str) -> str:
        """Where ``variable`` is set."""
        del variable
        return self.source

    def unknown(self, config: type[Config]) -> Iterator[str]:
        prefix = prefix_of(config)
        known = [f"{prefix}{name}".upper() for name in config.model_fields]
        for name in self._names:
            if not declares(config, name.upper()) and not longer_prefix(config, name.upper()):
                yield f"there is no setting {name} ({self.place_of(name)}): {did_you_mean(name, known, 'variables')}"
        for path in unknown_paths(config, self.values):
            above = f"{prefix}{NESTING.join(map(str, path[:-1]))}{NESTING}"
            written, nested = f"{above}{path[-1]}".upper(), keys(locate(config, path[:-1])) or ()
            hint = did_you_mean(written, [f"{above}{name}".upper() for name in nested], "variables")
            yield f"there is no setting {written} ({self.origin(path)}): {hint}"


class EnvFileLayer(VariableLayer):
    """Values under prefixed names in a .env file, which may hold much else."""

    def __init__(self, config: type[Config], file: EnvFile) -> None:
        self._file = file
        self.source = str(file.path)
        super().__init__(config, file.variables)

    def place_of(self, variable: str) -> str:
        return f"{self.source} line {self._file.line_of(variable)}"


class Reading:
    """The layers of one config, highest first, and what follows from them."""

    def __init__(self, config: type[Config], layers: Sequence[Layer]) -> None:
        self.config = config
        self.layers = tuple(layers)
        self.values: dict[str, Any] = {}
        for layer in reversed(self.layers):
            self.values = _merged(self.values, layer.values)

    @classmethod
    def of(
        cls,
        config: type[Config],
        *,
        arguments: Mapping[str, Any],
        section: Mapping[str, Any] | None,
        source: str,
        env_file: str | FilePath | None,
    ) -> Reading:
        """Read every source of ``config``. Raises `EnvFileError`."""
        layers: list[Layer] = [KeyLayer("arguments", arguments), VariableLayer(config, os.environ)]
        if env_file is not None:
            layers.append(EnvFileLayer(config, EnvFile(env_file)))
        if section is not None:
            layers.append(KeyLayer(source, section))
        return cls(config, layers)

    def unknown(self) -> list[str]:
        """A sentence for each name that no setting has, in all layers."""
        return [problem for layer in self.layers for problem in layer.unknown(self.config)]

    def layer_of(self, path: Path) -> Layer | None:
        """The layer whose value at ``path`` counts; None when that is the default."""
        for layer in self.layers:
            at: Any = layer.values
            for key in path:
                if not isinstance(at, Mapping):
                    return layer  # replaced everything below
                if key not in at:
                    break
                at = at[key]
            else:
                return layer
        return None


def dotted(path: Path) -> str:
    """A path as it is written: ``pool.tokens[0]``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


def unknown_paths(annotation: Any, values: Any, above: Path = ()) -> Iterator[Path]:
    """The paths in ``values`` for which ``annotation`` has no place."""
    named: list[tuple[str | int, Any]]
    if isinstance(values, Mapping):
        named = [(str(key), value) for key, value in values.items()]
    elif isinstance(values, (list, tuple)) and above:
        named = [(index, value) for index, value in enumerate(values) if isinstance(value, Mapping)]
    else:
        return
    for key, value in named:
        inner = child(annotation, key)
        if inner:
            yield from unknown_paths(locate(annotation, (key,)), value, (*above, key))
        elif keys(annotation) != set():  # where nothing can have a key, pydantic says so
            yield (*above, key)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(under, value)
        else:
            merged[key] = value
    return merged
