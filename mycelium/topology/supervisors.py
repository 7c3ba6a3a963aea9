"""The section ``[supervisors.NAME]`` of a topology: the rules by which the actors that name it are restarted."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mycelium.errors.actor import SupervisionError
from mycelium.nearest import did_you_mean
from mycelium.supervision.codes import problem_of_code, unknown_codes
from mycelium.supervision.policy import CODE, Backoff, Directive, Mail, Strategy

if TYPE_CHECKING:
    from mycelium.supervision.supervisor import Supervisor

__all__ = ["SupervisorSpec", "build_supervisors", "problems_of_codes", "problems_of_supervisors", "with_those_above"]


class SupervisorSpec(BaseModel):
    """One supervisor; a key that is left out is as `Supervisor` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Annotated[
        Strategy, Field(description="whom a failure touches: one-for-one, all-for-one, rest-for-one")
    ] = Strategy.ONE_FOR_ONE
    on_error: Annotated[
        Mapping[str, Directive],
        Field(description="what follows which error: a code, a family of codes, a built-in class, or an import path"),
    ] = Field(default_factory=dict)
    otherwise: Annotated[Directive, Field(description="what follows all others: resume, restart, stop, escalate")] = (
        Directive.RESTART
    )
    limit: Annotated[int, Field(ge=0, description="restarts in within_s, at most; one more is escalated")] = 3
    within_s: Annotated[float, Field(ge=0, description="the seconds in which they are counted")] = 60.0
    backoff: Annotated[
        Mapping[str, float],
        Field(description="the pause before a restart: first_s, factor, max_s, jitter"),
    ] = Field(default_factory=dict)
    mail: Annotated[Mail, Field(description="keep or drop what waits at a restart")] = Mail.KEEP
    attempts: Annotated[int, Field(ge=1, description="how often a message is tried before it is a dead letter")] = 1
    parent: Annotated[str, Field(description="the supervisor that decides what this one escalates")] = ""

    @field_validator("backoff", mode="after")
    @classmethod
    def _check_backoff(cls, given: Mapping[str, float]) -> Mapping[str, float]:
        known = Backoff.__slots__
        for key in given:
            if key not in known:
                msg = f"there is no key {key!r} here; {did_you_mean(key, known, 'keys of a backoff')}"
                raise ValueError(msg)
        try:
            Backoff(**given)
        except SupervisionError as error:
            msg = f"{error.value} cannot be: {error.expected}"
            raise ValueError(msg) from error
        return given

    def build(self, parent: Supervisor | None) -> Supervisor:
        """The supervisor itself. Raises ``ValueError`` for an error in ``on_error`` that is not to be found."""
        from mycelium.supervision.supervisor import Supervisor

        return Supervisor(
            self.strategy,
            on_error={rule_key(key): directive for key, directive in self.on_error.items()},
            otherwise=self.otherwise,
            limit=self.limit,
            within_s=self.within_s,
            backoff=Backoff(**self.backoff),
            mail=self.mail,
            attempts=self.attempts,
            parent=parent,
        )


def rule_key(given: str) -> str | type[BaseException]:
    """What a rule is about: a code, a family, or the class that is meant. Raises ``ValueError``."""
    if CODE.fullmatch(given):
        return given
    module, colon, name = given.partition(":")
    found: Any = None
    if colon:
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part, None)
        except Exception as error:
            msg = f"{given!r} cannot be imported: {type(error).__name__}: {error}"
            raise ValueError(msg) from error
    else:
        found = getattr(builtins, given, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    hint = "" if colon else f"; {did_you_mean(given, _built_in_errors(), 'built-in errors')}"
    msg = f"{given!r} is no code (ACT-003), family of codes (ACT), built-in error or import path of one{hint}"
    raise ValueError(msg)


def _built_in_errors() -> list[str]:
    return [name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)]


def problems_of_supervisors(specs: Mapping[str, SupervisorSpec]) -> Iterator[tuple[str, str, str]]:
    """What cannot work, as supervisor, key and problem."""
    for name, spec in specs.items():
        for key in spec.on_error:
            try:
                rule_key(key)
            except ValueError as error:
                yield name, "on_error", str(error)
        if spec.parent and spec.parent not in specs:
            hint = did_you_mean(spec.parent, specs, "supervisors")
            yield name, "parent", f"there is no supervisor {spec.parent!r}; {hint}"
        elif name in _above(name, specs):
            yield name, "parent", f"{name!r} would be above itself"


def problems_of_codes(specs: Mapping[str, SupervisorSpec]) -> Iterator[tuple[str, str, str]]:
    """The codes that nobody has declared, as supervisor, key and problem. The modules of its actors are imported by now."""
    for name, spec in specs.items():
        for code in unknown_codes(key for key in spec.on_error if CODE.fullmatch(key)):
            yield name, "on_error", problem_of_code(code)


def with_those_above(names: Collection[str], specs: Mapping[str, SupervisorSpec]) -> set[str]:
    """These supervisors, and all that decide what they escalate."""
    return {one for name in names if name in specs for one in (name, *_above(name, specs))}


def build_supervisors(specs: Mapping[str, SupervisorSpec]) -> dict[str, Supervisor]:
    """All supervisors of a topology, each below its parent, in the order of the file."""
    built: dict[str, Supervisor] = {}

    def build(name: str) -> Supervisor:
        if name not in built:
            parent = specs[name].parent
            built[name] = specs[name].build(build(parent) if parent else None)
        return built[name]

    return {name: build(name) for name in specs}


def _above(name: str, specs: Mapping[str, SupervisorSpec]) -> list[str]:
    """The names from the parent of this one upwards, as far as they are new."""
    found: list[str] = []
    parent = specs[name].parent
    while parent in specs and parent not in found:
        found.append(parent)
        parent = specs[parent].parent
    return found
