"""The model of a topology: actors, their configs, who listens to whom, and the venues.

The TOML file and the Python form are this one model. ::

    Topology(
        name="demo",
        actors={
            "ticker": Ticker,
            "tape": ActorSpec(actor_class=Tape, listens_to=("ticker",), config={"window_s": 2.0}),
        },
    )
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import TIMEOUT_MAX
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)

from mycelium.actor.actor import Actor
from mycelium.dispatcher import PINNED
from mycelium.dispatcher.named import THROUGHPUT_MAX, WORKERS_MAX, Kind
from mycelium.dispatcher.slow import SLOW_HANDLER_MS
from mycelium.errors.topology import DuplicateNameError, TopologyRefusedError
from mycelium.mailbox.bounds import UNLIMITED, Bounded, Overflow
from mycelium.venues import Venue, VenueTable, duplicate_venues

from .node_spec import Implementation, NodeSpec, check_metrics_address
from .problems import problems_of
from .supervisors import SupervisorSpec

__all__ = ["ActorSpec", "DispatcherSpec", "Header", "MailboxSpec", "Topology"]

#: What all mailboxes of a service may hold together, unless its topology says otherwise; a MB has a million bytes.
MEMORY_MB = 50.0


ACTOR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class MailboxSpec(BaseModel):
    """The bound of one actor's mailbox; a key that is left out is as the class of the actor says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capacity: Annotated[int | None, Field(ge=1, lt=UNLIMITED, description="messages that wait, at most")] = None
    overflow: Annotated[
        Overflow | None,
        Field(
            description="what becomes of a message when it is full: block, drop_oldest, drop_newest, conflate, reject"
        ),
    ] = None
    key: Annotated[tuple[str, ...] | None, Field(description="the fields by which conflate tells messages apart")] = (
        None
    )
    deadline_s: Annotated[
        float | None, Field(gt=0, le=TIMEOUT_MAX, description="seconds that block waits for room")
    ] = None
    bytes_max: Annotated[int | None, Field(ge=1, description="the bound in bytes; the lower one holds")] = None

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    def applied_to(self, bound: Bounded) -> Bounded:
        """The bound that comes of it for a class with this one. Raises `MailboxDeclarationError`."""
        given = {name: value for name, value in self if value is not None}
        if "capacity" in given:
            given.setdefault("bytes_max", None)
        if given.get("overflow", "conflate") != "conflate":
            given.setdefault("key", ())
        return replace(bound, **given)


class ActorSpec(BaseModel):
    """One actor of a topology: its class, its config, whom it listens to, and when it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    actor_class: Annotated[
        str | type[Actor],
        Field(
            validation_alias=AliasChoices("class", "actor_class"),
            description="import path `package.module:Class`, or in Python the class itself",
        ),
    ]
    listens_to: Annotated[
        tuple[str, ...] | None,
        Field(
            validation_alias=AliasChoices("from", "listens_to"),
            description="the only actors it receives from; without this key, all that emit what it receives",
        ),
    ] = None
    profile: Annotated[
        tuple[str, ...],
        Field(description="the profiles in which it runs; without this key, all of them"),
    ] = ()
    dispatcher: Annotated[
        str,
        Field(
            description='who runs it: "default", "pinned" for a thread of its own, "asyncio" for the event loop, or a dispatcher of this topology'
        ),
    ] = ""
    mailbox: Annotated[
        MailboxSpec | None,
        Field(description="how much waits for it, and what becomes of a message when that is full"),
    ] = None
    supervisor: Annotated[
        str, Field(description="the supervisor of this topology that decides when it fails; without this key it ends")
    ] = ""
    node: Annotated[
        str | tuple[str, ...],
        Field(description="the node of this topology on which it runs; or several, for its copies in turn"),
    ] = ""
    instances: Annotated[int, Field(ge=1, le=1000, description="how many copies of it run; by default one")] = 1
    shard_by: Annotated[
        str, Field(description="the field of its messages by which they are divided among its copies")
    ] = ""
    spread: Annotated[
        Literal["round-robin", "broadcast"] | None,
        Field(description='which copies get a message where no field says it: "round-robin" or "broadcast"'),
    ] = None
    config: Annotated[Any, Field(description="the section of its config, or in Python a config object")] = None

    @field_validator("actor_class", mode="before")
    @classmethod
    def _check_class(cls, given: Any) -> Any:
        if isinstance(given, type):
            if issubclass(given, Actor):
                return given
            msg = f"{given.__qualname__} is no mycelium.Actor"
            raise ValueError(msg)
        if not isinstance(given, str) or not re.fullmatch(r"[\w.]+:[\w.]+", given):
            msg = f"{given!r} is no import path like 'package.module:Class'"
            raise ValueError(msg)
        return given

    @field_validator("listens_to", "profile", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("config", mode="after")
    @classmethod
    def _check_config(cls, given: Any) -> Any:
        if isinstance(given, (str, bytes, int, float, list, tuple)):
            msg = f"a config is a section of keys and values, got {given!r}"
            raise ValueError(msg)
        return given

    def runs_in(self, profile: str | None) -> bool:
        """Whether the actor runs when ``profile`` is chosen."""
        return not self.profile or profile in self.profile

    @property
    def places(self) -> tuple[str, ...]:
        """The nodes on which it runs, none where it names none."""
        return (self.node,) * bool(self.node) if isinstance(self.node, str) else self.node

    @property
    def path(self) -> str:
        """The import path of the class, as text."""
        if isinstance(self.actor_class, str):
            return self.actor_class
        return f"{self.actor_class.__module__}:{self.actor_class.__qualname__}"


class DispatcherSpec(BaseModel):
    """One dispatcher: threads that actors share, or an event loop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        Kind | None,
        Field(description='"threads", or "asyncio" for an event loop of this name; by default threads'),
    ] = None
    workers: Annotated[
        int | None,
        Field(ge=1, le=WORKERS_MAX, description="threads; by default one, and without a GIL one for each core"),
    ] = None
    throughput: Annotated[
        int | None,
        Field(
            ge=1,
            le=THROUGHPUT_MAX,
            description="messages that an actor handles before the next one has its turn; by default 256, on an event loop 64",
        ),
    ] = None
    slow_handler_ms: Annotated[
        int | None,
        Field(ge=0, description="how long a handler may run before it is reported; 0 is never"),
    ] = None


class Header(BaseModel):
    """The section ``[topology]``: what concerns the topology as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(description="shown in reports and logs; by default the name of the file")] = ""
    profile: Annotated[str | None, Field(description="the profile that runs where none is asked for")] = None
    input_profile: Annotated[str | None, Field(description="the profile that `mycelium run --input` chooses")] = None
    memory_mb: Annotated[
        float, Field(ge=0, description="the most that all mailboxes together may hold, in MB; 0 for no limit")
    ] = MEMORY_MB
    tlv: Annotated[
        Implementation | None,
        Field(description="the implementation of the message layer; `--tlv` and `MYCELIUM_TLV` come before it"),
    ] = None
    slow_handler_ms: Annotated[
        int,
        Field(ge=0, description="how long a handler may run before it is reported; by default 100, and 0 is never"),
    ] = SLOW_HANDLER_MS
    metrics: Annotated[
        str | None,
        AfterValidator(check_metrics_address),
        Field(description="where to serve metrics, host:port; `--metrics` and `MYCELIUM_METRICS` come before it"),
    ] = None


class Topology(BaseModel):
    """Actors, their configs and their venues; what `mycelium run` starts.

    ``actors`` maps instance names to an `ActorSpec`, an actor class or an import path. Raises
    `TopologyRefusedError`, which tells everything that is wrong at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: Annotated[str, Field(min_length=1)]
    actors: dict[str, ActorSpec]
    venues: tuple[Venue, ...] = ()
    dispatchers: dict[str, DispatcherSpec] = Field(default_factory=dict)
    supervisors: dict[str, SupervisorSpec] = Field(default_factory=dict)
    nodes: dict[str, NodeSpec] = Field(default_factory=dict)
    profile: str | None = None
    input_profile: str | None = None
    memory_mb: float = Field(default=MEMORY_MB, ge=0)
    tlv: Implementation | None = None
    slow_handler_ms: Annotated[int, Field(ge=0)] = SLOW_HANDLER_MS
    metrics: Annotated[str | None, AfterValidator(check_metrics_address)] = None
    _file: str = PrivateAttr(default="")

    def __init__(
        self,
        *,
        name: str,
        actors: Mapping[str, ActorSpec | type[Actor] | str],
        venues: Iterable[Venue | Mapping[str, Any]] = (),
        dispatchers: Mapping[str, DispatcherSpec | Mapping[str, Any]] | None = None,
        supervisors: Mapping[str, SupervisorSpec | Mapping[str, Any]] | None = None,
        nodes: Mapping[str, NodeSpec | Mapping[str, Any]] | None = None,
        profile: str | None = None,
        input_profile: str | None = None,
        memory_mb: float = MEMORY_MB,
        tlv: Implementation | None = None,
        slow_handler_ms: int = SLOW_HANDLER_MS,
        metrics: str | None = None,
        file: str = "",
    ) -> None:
        shown = file or f"topology {name!r}"
        try:
            super().__init__(
                name=name,
                actors={actor: spec_of(spec) for actor, spec in actors.items()},
                venues=tuple(venues),
                dispatchers=dict(dispatchers or {}),
                supervisors=dict(supervisors or {}),
                nodes=dict(nodes or {}),
                profile=profile,
                input_profile=input_profile,
                memory_mb=memory_mb,
                tlv=tlv,
                slow_handler_ms=slow_handler_ms,
                metrics=metrics,
            )
        except ValidationError as error:
            refused = TopologyRefusedError.of(shown, problems_of(error, shown, Topology))
        else:
            twice = [
                DuplicateNameError(file=shown, key="venues", name=what, place=place)
                for _, what, place in duplicate_venues(self.venues)
            ]
            if not twice:
                self._file = shown
                return
            refused = TopologyRefusedError.of(shown, twice)
        raise refused

    @field_validator("actors")
    @classmethod
    def _check_names(cls, actors: dict[str, ActorSpec]) -> dict[str, ActorSpec]:
        for name in actors:
            check_actor_name(name)
        return actors

    @field_validator("dispatchers")
    @classmethod
    def _check_dispatchers(cls, dispatchers: dict[str, DispatcherSpec]) -> dict[str, DispatcherSpec]:
        for name in dispatchers:
            check_dispatcher_name(name)
        return dispatchers

    @field_validator("supervisors")
    @classmethod
    def _check_supervisors(cls, supervisors: dict[str, SupervisorSpec]) -> dict[str, SupervisorSpec]:
        for name in supervisors:
            check_supervisor_name(name)
        return supervisors

    @field_validator("nodes")
    @classmethod
    def _check_nodes(cls, nodes: dict[str, NodeSpec]) -> dict[str, NodeSpec]:
        for name in nodes:
            check_node_name(name)
        return nodes

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Topology:
        """Read a topology file (TOML).

        Raises `TopologyFileError`, `TopologySyntaxError`, `DuplicateNameError` or, with everything
        that is wrong in the file, `TopologyRefusedError`.
        """
        from .loading import load_topology

        return load_topology(path)

    @property
    def file(self) -> str:
        """Where it was read from; for one that was built in Python, its name."""
        return self._file

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that an actor names, in the order of the file."""
        return tuple(dict.fromkeys(profile for spec in self.actors.values() for profile in spec.profile))

    @property
    def venue_table(self) -> VenueTable:
        """The venues, to be found by id, symbol, address or name."""
        return VenueTable(self.venues, topology=self.name)


def spec_of(given: ActorSpec | type[Actor] | str) -> Any:
    """The spec for what a topology in Python may write: a spec, a class or an import path."""
    if isinstance(given, (str, type)):
        return {"class": given}
    return given


def check_actor_name(name: str) -> None:
    """Raise ``ValueError`` where ``name`` cannot be typed in ``--set name.key=value``."""
    if not ACTOR_NAME.fullmatch(name):
        msg = f"{name!r} is no name for an actor: begin with a letter, go on with letters, digits, _ and -"
        raise ValueError(msg)


def check_dispatcher_name(name: str) -> None:
    """Raise ``ValueError`` for the name of a dispatcher that cannot be declared."""
    if name == PINNED:
        msg = f"{name!r} means a thread for one actor; give the dispatcher another name"
        raise ValueError(msg)
    _check_name(name, "dispatcher")


def check_supervisor_name(name: str) -> None:
    """Raise ``ValueError`` for the name of a supervisor that cannot be declared."""
    _check_name(name, "supervisor")


def check_node_name(name: str) -> None:
    """Raise ``ValueError`` for the name of a node that cannot be declared."""
    _check_name(name, "node")


def _check_name(name: str, what: str) -> None:
    if not ACTOR_NAME.fullmatch(name):
        msg = f"{name!r} is no name for a {what}: begin with a letter, go on with letters, digits, _ and -"
        raise ValueError(msg)
