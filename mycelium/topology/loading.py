"""Reads a topology file: from text to the model, telling everything that is wrong at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mycelium.errors.topology import (
    DuplicateNameError,
    TopologyFileError,
    TopologyRefusedError,
    TopologySyntaxError,
    TopologyValueError,
    UnknownKeyError,
)
from mycelium.nearest import did_you_mean
from mycelium.venues import Venue, duplicate_venues
from tlv import DeclaredError

from .model import (
    ActorSpec,
    DispatcherSpec,
    Header,
    Topology,
    check_actor_name,
    check_dispatcher_name,
    check_node_name,
    check_supervisor_name,
)
from .node_spec import NodeSpec
from .problems import key_text, problems_of
from .supervisors import SupervisorSpec

__all__ = ["load_topology"]

_SECTIONS = ("topology", "dispatchers", "supervisors", "nodes", "venues", "actors")
_Model = TypeVar("_Model", bound=BaseModel)


def load_topology(path: str | os.PathLike[str]) -> Topology:
    """The topology in the file ``path``; see `Topology.load`.

    Where sections are wrong, the rest of the file is checked all the same (classes, configs,
    senders), so that one run tells everything.
    """
    file = os.fspath(path)
    document = _read(file)
    reader = _Reader(file, document)
    topology = reader.topology()
    if not reader.problems:
        return topology
    from .resolving import problems_of_topology

    others = problems_of_topology(topology, unread=reader.unread_actors, unread_nodes=reader.unread_nodes)
    raise TopologyRefusedError.of(file, (*reader.problems, *others))


def _read(file: str) -> dict[str, Any]:
    try:
        text = Path(file).read_bytes().decode("utf-8-sig")  # editors on Windows begin a file with a mark
    except OSError as error:
        raise TopologyFileError(file=file, reason=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TopologySyntaxError(file=file, reason=f"it is not text (byte {error.start})") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        duplicate = _duplicate(file, text, str(error))
        if duplicate is not None:
            raise duplicate from error
        raise TopologySyntaxError(file=file, reason=str(error)) from error


def _duplicate(file: str, text: str, said: str) -> DuplicateNameError | None:
    """The error for a name that stands twice; tomllib tells it only by the words of its message."""
    if not ("twice" in said or "overwrite" in said):
        return None
    lines = text.rstrip().splitlines()
    at = re.search(r"\(at line (\d+), column \d+\)", said)
    number = int(at[1]) if at else len(lines)
    line = lines[number - 1].strip()
    place = f" (line {number})"
    if line.startswith("["):
        section = line.strip("[] \t")
        return DuplicateNameError(file=file, key="sections", name=line, place=place) if section else None
    headings = (above.strip() for above in reversed(lines[:number]) if above.lstrip().startswith("["))
    name = line.partition("=")[0].strip()
    return DuplicateNameError(file=file, key=next(headings, "the file"), name=repr(name), place=place)


class _Reader:
    """Reads a document part by part; a wrong part is a problem and is left out."""

    def __init__(self, file: str, document: Mapping[str, Any]) -> None:
        self.file = file
        self.document = document
        self.problems: list[DeclaredError] = []
        self.unread_actors: set[str] = set()
        self.unread_nodes: set[str] = set()

    def topology(self) -> Topology:
        """The topology of the parts that are right."""
        for name in self.document:
            if name not in _SECTIONS:
                hint = did_you_mean(name, _SECTIONS, "sections")
                self.problems.append(UnknownKeyError(file=self.file, key="the file", name=name, hint=hint))
        header = self._read(Header, self.document.get("topology", {}), "topology") or Header()
        return Topology(
            name=header.name or Path(self.file).stem,
            profile=header.profile,
            input_profile=header.input_profile,
            memory_mb=header.memory_mb,
            tlv=header.tlv,
            slow_handler_ms=header.slow_handler_ms,
            metrics=header.metrics,
            venues=self._venues(),
            dispatchers=dict(self._named("dispatcher", DispatcherSpec, check_dispatcher_name)),
            supervisors=dict(self._named("supervisor", SupervisorSpec, check_supervisor_name)),
            nodes=dict(self._named("node", NodeSpec, check_node_name, self.unread_nodes)),
            actors=dict(self._actors()),
            file=self.file,
        )

    def _actors(self) -> Iterator[tuple[str, ActorSpec]]:
        sections = self.document.get("actors", {})
        if not isinstance(sections, dict):
            self._refuse("write each actor under a heading [actors.NAME]", "actors")
            self.unread_actors.add("actors")
            return
        for name, section in sections.items():
            try:
                check_actor_name(name)
            except ValueError as error:
                self._refuse(str(error), "actors", name)
                self.unread_actors.add(name)
                continue
            spec = self._read(ActorSpec, section, "actors", name)
            if spec is None:
                self.unread_actors.add(name)
            else:
                yield name, spec

    def _named(
        self, what: str, model: type[_Model], check: Callable[[str], None], unread: set[str] | None = None
    ) -> Iterator[tuple[str, _Model]]:
        """The sections ``[whats.NAME]``, read as ``model``; ``unread`` gets the names of those that cannot be."""
        heading, unread = f"{what}s", set() if unread is None else unread
        sections = self.document.get(heading, {})
        if not isinstance(sections, dict):
            self._refuse(f"write each {what} under a heading [{heading}.NAME]", heading)
            unread.add(heading)
            return
        for name, section in sections.items():
            try:
                check(name)
            except ValueError as error:
                self._refuse(str(error), heading, name)
                unread.add(name)
                continue
            read = self._read(model, section, heading, name)
            if read is None:
                unread.add(name)
            # One that cannot be read is declared all the same, so that its actors are not told about it as well.
            yield name, read or model()

    def _venues(self) -> list[Venue]:
        given = self.document.get("venues", [])
        if not isinstance(given, list):
            self._refuse("write each venue under a heading [[venues]]", "venues")
            return []
        read = [
            venue
            for index, section in enumerate(given)
            if (venue := self._read(Venue, section, "venues", index)) is not None
        ]
        twice = duplicate_venues(read)
        self.problems.extend(
            DuplicateNameError(file=self.file, key="[[venues]]", name=what, place=place) for _, what, place in twice
        )
        refused = {index for index, _, _ in twice}
        return [venue for index, venue in enumerate(read) if index not in refused]

    def _read(self, model: type[_Model], section: object, *where: str | int) -> _Model | None:
        if not isinstance(section, dict):
            self._refuse(f"a section is expected here, got {section!r}", *where)
            return None
        try:
            return model.model_validate(section)
        except ValidationError as error:
            self.problems.extend(problems_of(error, self.file, model, where))
            return None

    def _refuse(self, problem: str, *where: str | int) -> None:
        self.problems.append(TopologyValueError(file=self.file, key=key_text(*where), problem=problem))
