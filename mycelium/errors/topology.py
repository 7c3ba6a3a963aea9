"""Errors of topologies: the file, its keys, and what the wiring says.

::

    TopologyError
      TopologyFileError           TOP-001  there is no such file
      TopologySyntaxError         TOP-002  not TOML
      TopologyRefusedError        TOP-003  one or more of the problems below, all told at once
      DuplicateNameError          TOP-004  two of one name
      TopologyValueError          TOP-010  a value of the wrong kind, or missing
      UnknownKeyError             TOP-011  a key that a topology does not have
      ActorModuleError            TOP-012  the module of an actor class is not there
      ActorImportError            TOP-013  the module of an actor class fails to import
      UnknownActorClassError      TOP-014  the module has no such class
      NotAnActorError             TOP-015  the class is no actor
      ConfigNotTakenError         TOP-016  a config section for an actor that takes none
      UnknownSenderError          TOP-017  ``from`` names nobody
      UselessSenderError          TOP-018  ``from`` names one who emits nothing that is received
      MessageClashError            TOP-019  two messages with one type id
      UnreceivedMessageError      TOP-020  emitted, received by nobody
      UnemittedMessageError       TOP-021  received, emitted by nobody
      UnknownProfileError         TOP-022  no actor has this profile
      NothingToRunError           TOP-023  no actor is left
      OverrideError               TOP-024  a ``--set`` that does not fit
      OptionNotTakenError         TOP-025  ``--input`` or ``--speed`` that no actor takes
      UnknownVenueError           TOP-030  a market that the venue table does not list
"""

from __future__ import annotations

from collections.abc import Iterable

from tlv.declared_error import DeclaredError

__all__ = [
    "ActorImportError",
    "ActorModuleError",
    "ConfigNotTakenError",
    "DuplicateNameError",
    "MessageClashError",
    "NotAnActorError",
    "NothingToRunError",
    "OptionNotTakenError",
    "OverrideError",
    "TopologyError",
    "TopologyFileError",
    "TopologyRefusedError",
    "TopologySyntaxError",
    "TopologyValueError",
    "UnemittedMessageError",
    "UnknownActorClassError",
    "UnknownKeyError",
    "UnknownProfileError",
    "UnknownSenderError",
    "UnknownVenueError",
    "UnreceivedMessageError",
    "UselessSenderError",
]


class TopologyError(DeclaredError):
    """Family of the errors of topologies."""


class TopologyFileError(
    TopologyError,
    OSError,
    code="TOP-001",
    text="cannot read the topology {file}: {reason}",
    next_step="give the path of a topology file (TOML)",
):
    """The file is not there, or cannot be read."""

    file: str
    reason: str


class TopologySyntaxError(
    TopologyError,
    ValueError,
    code="TOP-002",
    text="{file} is not TOML: {reason}",
    next_step="mend the file at that place, or give another one",
):
    """The file cannot be parsed."""

    file: str
    reason: str


class TopologyRefusedError(
    TopologyError,
    ValueError,
    code="TOP-003",
    text="{file} has {found}",
    next_step="correct each of them, then start it again",
):
    """Everything that is wrong in a topology. `problems` holds the errors one by one."""

    file: str
    found: str
    listing: str

    @classmethod
    def of(cls, file: str, problems: Iterable[DeclaredError]) -> TopologyRefusedError:
        """Gather the problems of ``file``; they are the cause of this error, as a group."""
        found = tuple(problems)
        error = cls(
            file=file,
            found="1 problem" if len(found) == 1 else f"{len(found)} problems",
            listing="\n".join(f"  {problem}" for problem in found),
        )
        error.__cause__ = ExceptionGroup(f"problems of {file}", list(found))
        return error

    def __str__(self) -> str:
        return f"{super().__str__()}:\n{self.listing}"

    @property
    def problems(self) -> tuple[DeclaredError, ...]:
        """The problems; none are left in a copy that came out of a pickle."""
        group = self.__cause__
        if not isinstance(group, ExceptionGroup):
            return ()
        return tuple(error for error in group.exceptions if isinstance(error, DeclaredError))


class DuplicateNameError(
    TopologyError,
    ValueError,
    code="TOP-004",
    text="{file}: {key}: {name} is there twice{place}",
    next_step="rename or remove one of the two",
):
    """Two actors, keys or venues of one name."""

    file: str
    key: str
    name: str
    place: str


class TopologyValueError(
    TopologyError,
    ValueError,
    code="TOP-010",
    text="{file}: {key}: {problem}",
    next_step="correct this key in the file",
):
    """A value that is missing or of the wrong kind."""

    file: str
    key: str
    problem: str


class UnknownKeyError(
    TopologyError,
    ValueError,
    code="TOP-011",
    text="{file}: {key}: there is no key {name!r} here",
    next_step="{hint}",
):
    """A key that topologies do not have."""

    file: str
    key: str
    name: str
    hint: str


class ActorModuleError(
    TopologyError,
    ValueError,
    code="TOP-012",
    text="{file}: {key}: there is no module {module!r}",
    next_step="{hint}",
):
    """The module of an actor class cannot be found."""

    file: str
    key: str
    module: str
    hint: str


class ActorImportError(
    TopologyError,
    ValueError,
    code="TOP-013",
    text="{file}: {key}: {module!r} fails to import: {cause}",
    next_step="mend the module; --debug shows where it fails",
):
    """The module of an actor class raises while it is imported."""

    file: str
    key: str
    module: str
    cause: str


class UnknownActorClassError(
    TopologyError,
    ValueError,
    code="TOP-014",
    text="{file}: {key}: {module!r} has no class {name!r}",
    next_step="{hint}",
):
    """The module is there, the class is not."""

    file: str
    key: str
    module: str
    name: str
    hint: str


class NotAnActorError(
    TopologyError,
    ValueError,
    code="TOP-015",
    text="{file}: {key}: {target!r} is no mycelium.Actor",
    next_step="name a class that inherits from mycelium.Actor",
):
    """The path leads to something else."""

    file: str
    key: str
    target: str


class ConfigNotTakenError(
    TopologyError,
    ValueError,
    code="TOP-016",
    text="{file}: {key}: {actor} takes no config",
    next_step="remove the section, or give {actor}.__init__ a config parameter with a Config annotation",
):
    """A config section for an actor without a config class."""

    file: str
    key: str
    actor: str


class UnknownSenderError(
    TopologyError,
    ValueError,
    code="TOP-017",
    text="{file}: {key}: there is no actor {name!r}",
    next_step="{hint}",
):
    """``from`` names an actor that the topology does not have."""

    file: str
    key: str
    name: str
    hint: str


class UselessSenderError(
    TopologyError,
    ValueError,
    code="TOP-018",
    text="{file}: {key}: {sender} emits nothing that {receiver} receives (it emits {emits}; {receiver} takes {takes})",
    next_step="remove {sender} from this list, or name an actor that emits what {receiver} takes",
):
    """``from`` names an actor whose messages the receiver does not take."""

    file: str
    key: str
    sender: str
    receiver: str
    emits: str
    takes: str


class MessageClashError(
    TopologyError,
    ValueError,
    code="TOP-019",
    text="{file}: {key}: {first} and {second} both have type id {type_id}",
    next_step="give one of them another type id",
):
    """Two messages of one topology share a type id."""

    file: str
    key: str
    first: str
    second: str
    type_id: int


class UnreceivedMessageError(
    TopologyError,
    ValueError,
    code="TOP-020",
    text="{file}: {key}: {message} is emitted and nobody receives it",
    next_step="add an actor that receives {message}, or take it out of emits=",
):
    """A message without a receiver: a warning, an error when the check is strict."""

    file: str
    key: str
    message: str


class UnemittedMessageError(
    TopologyError,
    ValueError,
    code="TOP-021",
    text="{file}: {key}: {message} is received and nobody emits it",
    next_step="add an actor that emits {message}, or put it into ignores=; what is told or asked by refs may stay so",
):
    """A message without a sender: a warning."""

    file: str
    key: str
    message: str


class UnknownProfileError(
    TopologyError,
    ValueError,
    code="TOP-022",
    text="{file}: no actor has the profile {name!r}",
    next_step="{hint}",
):
    """A profile that no actor names."""

    file: str
    name: str
    hint: str


class NothingToRunError(
    TopologyError,
    ValueError,
    code="TOP-023",
    text="{file}: {reason}",
    next_step="add an [actors.NAME] section with the class of an actor",
):
    """No actor is left to start."""

    file: str
    reason: str


class OverrideError(
    TopologyError,
    ValueError,
    code="TOP-024",
    text="--set {given!r}: {problem}",
    next_step="write --set actor.key=value; {hint}",
):
    """A ``--set`` that is not understood."""

    given: str
    problem: str
    hint: str


class OptionNotTakenError(
    TopologyError,
    ValueError,
    code="TOP-025",
    text="{file}: no actor of profile {profile!r} takes {option} (a config key called {key!r})",
    next_step="choose another profile, or leave {option} out",
):
    """``--input`` or ``--speed`` where no config declares the key."""

    file: str
    profile: str
    option: str
    key: str


class UnknownVenueError(
    TopologyError,
    LookupError,
    code="TOP-030",
    text="the venue table of {topology} has no {wanted}",
    next_step="{hint}",
):
    """A market that the topology does not list under [[venues]]."""

    topology: str
    wanted: str
    hint: str
