"""Says what is wrong with the values of a config: the variable, the value, its source and the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mycelium.texts import text_of

from .fields import NESTING, Path, child, holds_secret, locate
from .prefixes import prefix_of
from .reading import Reading, dotted

__all__ = ["MASK", "problem_of_validator", "problems_of", "shown", "variable_of"]

MASK = "**********"
_SHOWN_MAX = 80
_CONTAINER_ERRORS = (
    "list_type",
    "dict_type",
    "tuple_type",
    "set_type",
    "frozen_set_type",
    "model_type",
    "mapping_type",
)


def problems_of(reading: Reading, error: ValidationError) -> list[str]:
    """A sentence for each setting that ``error`` refuses; secrets are masked."""
    secrets = list(_secret_texts(reading.config, reading.values))
    rules: dict[Path, list[str]] = {}
    subjects: dict[Path, str] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # follows from another problem
        path = _path_of(reading, detail)
        if detail["type"] == "extra_forbidden" and not child(locate(reading.config, path[:-1]), path[-1]):
            continue  # said by Reading.unknown, with its nearest name
        subjects.setdefault(path, _subject(reading, path, detail))
        rule = _rule(reading, detail)
        for secret in secrets if detail["type"] != "missing" else ():
            rule = rule.replace(secret, MASK)
        rules.setdefault(path, []).append(rule)
    return [f"{subjects[path]}: {', or '.join(dict.fromkeys(said))}" for path, said in rules.items()]


def problem_of_validator(reading: Reading, error: Exception) -> str:
    """A sentence for what a validator of the class raised, where that is no ValueError; secrets are masked."""
    said = " ".join(f"{type(error).__name__}: {text_of(error)}".split())
    for secret in _secret_texts(reading.config, reading.values):
        said = said.replace(secret, MASK)
    return f"the settings together: a validator of {reading.config.__name__} raised {said}"


def variable_of(config: type[BaseModel], path: Path) -> str:
    """The environment variable that sets what lies at ``path``; the dotted path in a class without prefix."""
    prefix = prefix_of(config)  # type: ignore[arg-type]
    if not prefix:
        return dotted(path)
    names = []
    for key in path:
        if isinstance(key, int):
            break
        names.append(key)
    return f"{prefix}{NESTING.join(names)}".upper() + dotted(path[len(names) :])


def shown(value: object) -> str:
    """A value as an error shows it: its repr, cut when it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."


def _path_of(reading: Reading, detail: ErrorDetails) -> Path:
    """The part of pydantic's location that names keys: it also names members of unions and validators."""
    path: Path = ()
    at: Any = reading.values
    for key in detail["loc"]:
        inside = at if isinstance(at, Mapping) else dict(enumerate(at)) if isinstance(at, (list, tuple)) else {}
        if key not in inside and not child(locate(reading.config, path), key):
            continue
        at = inside.get(key)
        path = (*path, key)
    return path


def _subject(reading: Reading, path: Path, detail: ErrorDetails) -> str:
    if not path:
        return "the settings together"
    variable = variable_of(reading.config, path)
    if detail["type"] == "missing":
        return variable
    layer = reading.layer_of(path)
    origin = "default" if layer is None else layer.origin(path)
    value = detail["input"]
    if isinstance(value, (Mapping, BaseModel)):
        return f"{variable} ({origin})"  # a rule over several settings, each of which may be secret
    text = MASK if holds_secret(locate(reading.config, path)) else shown(value)
    return f"{variable} = {text} ({origin})"


def _rule(reading: Reading, detail: ErrorDetails) -> str:
    message, kind = detail["msg"], detail["type"]
    if kind == "missing":
        places = ", ".join(layer.source for layer in reading.layers[1:])
        return f"it is required, and not set in {places}" if places else "it is required"
    if kind in ("value_error", "assertion_error"):
        return " ".join(message.removeprefix("Value error, ").removeprefix("Assertion failed, ").split())
    if kind in _CONTAINER_ERRORS and isinstance(detail["input"], str):
        return f"{message[0].lower()}{message[1:]}, written as JSON"
    return f"{message[0].lower()}{message[1:]}"


def _secret_texts(annotation: Any, value: Any) -> Iterator[str]:
    """The plain text of every secret in ``value``."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if child(annotation, key):
                yield from _secret_texts(locate(annotation, (key,)), inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _secret_texts(locate(annotation, (0,)), inner)
    elif holds_secret(annotation):
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        text = plain.decode(errors="replace") if isinstance(plain, bytes) else str(plain)
        if text:
            yield text
