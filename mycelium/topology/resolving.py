"""Checks a topology against the classes that it names, and plans who receives from whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.contract import contract_of
from mycelium.contracts.policies import own_policies, policies_of
from mycelium.dispatcher import PINNED
from mycelium.dispatcher.coroutines import ASYNCIO, coroutine_in
from mycelium.dispatcher.named import DEFAULT, declared_dispatchers, kind_of, refused_as
from mycelium.errors.actor import MailboxDeclarationError
from mycelium.errors.topology import (
    ConfigNotTakenError,
    MessageClashError,
    NothingToRunError,
    OptionNotTakenError,
    OverrideError,
    TopologyRefusedError,
    TopologyValueError,
    UnemittedMessageError,
    UnknownProfileError,
    UnknownSenderError,
    UnreceivedMessageError,
    UselessSenderError,
)
from mycelium.mailbox.bounds import Bounded
from mycelium.nearest import did_you_mean, listed
from mycelium.routing.router import RoutePlan, plan_routes
from tlv import TLV, DeclaredError

from .bringing import brings_itself
from .budget import budget_problems
from .importing import import_actor
from .instances import Copy, copies_of, listening, problems_of_copies, problems_of_keys, spreads_of
from .model import ActorSpec, Topology
from .nodes import problems_of_nodes
from .overrides import Override, merge_overrides, read_override
from .problems import key_text
from .resolved import ResolvedActor, ResolvedTopology
from .supervisors import problems_of_codes, problems_of_supervisors, with_those_above

__all__ = ["problems_of_topology", "resolve"]


def resolve(
    topology: Topology,
    *,
    profile: str | None = None,
    input: str | None = None,
    speed: str | None = None,
    overrides: Sequence[str] = (),
    strict: bool = False,
) -> ResolvedTopology:
    """Check ``topology`` and plan its routes.

    ``profile`` chooses the actors that run (else the topology's own choice, or its
    ``input_profile`` where ``input`` is given). ``input`` and ``speed`` go to every config that
    has a key of that name; ``overrides`` are ``actor.key=value``. Under ``strict`` a message that
    nobody receives is an error, otherwise a warning.

    Raises `TopologyRefusedError` with everything that is wrong.
    """
    check = _Check(topology, profile or (topology.input_profile if input else None) or topology.profile)
    check.run(input=input, speed=speed, overrides=overrides)
    warnings = check.warnings()
    if strict:
        check.problems.extend(warning for warning in warnings if isinstance(warning, UnreceivedMessageError))
    if check.problems:
        raise TopologyRefusedError.of(topology.file, check.problems)
    assert check.plan is not None
    return ResolvedTopology(
        name=topology.name,
        file=topology.file,
        profile=check.profile,
        actors={
            name: ResolvedActor(
                name,
                kind,
                check.configs.get(copy.group),
                check.running[copy.group].dispatcher,
                check.bounds.get(copy.group),
                check.running[copy.group].supervisor,
                copy.node,
                copy.group if copy.count > 1 else "",
                (copy.number, copy.count),
            )
            for name, copy in check.copies.items()
            for kind in (check.classes[copy.group],)
        },
        dispatchers=topology.dispatchers,
        supervisors=topology.supervisors,
        nodes=topology.nodes,
        slow_handler_ms=topology.slow_handler_ms,
        plan=check.plan,
        venues=topology.venue_table,
        warnings=tuple(warnings),
        tlv=topology.tlv,
        metrics=topology.metrics,
    )


def problems_of_topology(
    topology: Topology, *, unread: Collection[str], unread_nodes: Collection[str] = ()
) -> list[DeclaredError]:
    """What is wrong with the readable part of a file whose actors ``unread``, and these nodes, could not be read."""
    check = _Check(topology, topology.profile, unread, unread_nodes)
    check.run(input=None, speed=None, overrides=())
    return check.problems


class _Check:
    """One pass over a topology; collects problems and goes on."""

    def __init__(
        self,
        topology: Topology,
        profile: str | None,
        unread: Collection[str] = (),
        unread_nodes: Collection[str] = (),
    ) -> None:
        self.topology = topology
        self.file = topology.file
        self.profile = profile
        self.unread = unread
        self.unread_nodes = unread_nodes
        self.problems: list[DeclaredError] = []
        self.running: dict[str, ActorSpec] = {}
        self.classes: dict[str, type[Actor]] = {}
        self.configs: dict[str, object] = {}
        self.bounds: dict[str, Bounded] = {}
        self.copies: dict[str, Copy] = {}
        self.plan: RoutePlan | None = None

    def run(self, *, input: str | None, speed: str | None, overrides: Sequence[str]) -> None:
        self._choose_actors()
        self._import_classes()
        self._check_type_ids()
        self._check_dispatchers()
        self._check_supervisors()
        self._check_bounds()
        arguments = self._arguments(input, speed, overrides)
        for name in self.classes:
            self._load_config(name, arguments[name])
        listens = {name: self._senders_of(name) for name in self.classes if self.running[name].listens_to is not None}
        self._plan_copies(listens)
        if not self.unread:
            nodes = problems_of_nodes(self.topology, self.running, self.copies, self.plan, self.unread_nodes)
            for place, problem in nodes:
                self._refuse(key_text(*place), problem)
            self.problems.extend(budget_problems(self.topology, self.copies, self.classes, self.bounds, self.plan))

    def _plan_copies(self, listens: Mapping[str, Iterable[str]]) -> None:
        """Find out how many actors come of each section, and plan their routes."""
        problems = list(problems_of_copies(self.topology.actors, self.running))
        self.copies = copies_of(self.running)
        if len(self.classes) == len(self.running):
            classes = {name: self.classes[copy.group] for name, copy in self.copies.items()}
            plan = plan_routes(classes, listens=listening(self.copies, listens))
            self.plan = replace(plan, spreads=spreads_of(self.running, self.copies))
            problems.extend(problems_of_keys(self.running, self.plan))
        for place, problem in problems:
            self._refuse(key_text(*place), problem)

    def warnings(self) -> list[DeclaredError]:
        """Messages without a receiver and messages without a sender, an actor each."""
        if self.plan is None:
            return []
        unreceived = _names_by_actor(self._by_section(self.plan.unreceived))
        unfed = _names_by_actor(
            one for one in self._by_section(self.plan.unfed) if not brings_itself(self.classes[one[0]], one[1])
        )
        return [
            *(
                UnreceivedMessageError(file=self.file, key=key_text("actors", actor), message=messages)
                for actor, messages in unreceived.items()
            ),
            *(
                UnemittedMessageError(file=self.file, key=key_text("actors", actor), message=messages)
                for actor, messages in unfed.items()
            ),
        ]

    def _by_section(self, pairs: Iterable[tuple[str, type[TLV]]]) -> list[tuple[str, type[TLV]]]:
        """The same with the names of the file, each pair once."""
        return list(dict.fromkeys((self.copies[name].group, message) for name, message in pairs))

    def _choose_actors(self) -> None:
        actors, profiles = self.topology.actors, self.topology.profiles
        if self.profile is not None and self.profile not in profiles and not self.unread:
            hint = did_you_mean(self.profile, profiles, "profiles")
            self.problems.append(UnknownProfileError(file=self.file, name=self.profile, hint=hint))
        self.running = {name: spec for name, spec in actors.items() if spec.runs_in(self.profile)}
        if not self.running and not self.unread and not self.problems:
            reason = "every actor belongs to a profile, and none was chosen" if actors else "it has no actors"
            self.problems.append(NothingToRunError(file=self.file, reason=reason))

    def _import_classes(self) -> None:
        for name, spec in self.running.items():
            if isinstance(spec.actor_class, type):
                self.classes[name] = spec.actor_class
                continue
            try:
                self.classes[name] = import_actor(spec.actor_class, self.file, key_text("actors", name, "class"))
            except DeclaredError as error:
                self.problems.append(error)

    def _check_type_ids(self) -> None:
        known: dict[int, type[TLV]] = {}
        for name, kind in self.classes.items():
            contract = contract_of(kind)
            for message in dict.fromkeys((*contract.receives, *contract.emits)):
                type_id = message.type_id
                assert type_id is not None, "a message set takes no message without one"
                first = known.setdefault(type_id, message)
                if first is not message:
                    self.problems.append(
                        MessageClashError(
                            file=self.file,
                            key=key_text("actors", name, "class"),
                            first=_full_name(first),
                            second=_full_name(message),
                            type_id=type_id,
                        )
                    )

    def _check_dispatchers(self) -> None:
        known = {ASYNCIO, DEFAULT, PINNED, *self.topology.dispatchers, *declared_dispatchers()}
        for name, spec in self.topology.dispatchers.items():
            refused = refused_as(name, spec.kind, spec.workers)
            if refused is not None:
                self._refuse(key_text("dispatchers", name, refused.key), f"{refused.rule}, got {refused.value!r}")
        for name, kind in self.classes.items():
            place = self.running[name].dispatcher or kind.dispatcher
            declared = self.topology.dispatchers.get(place)
            made_of = (declared and declared.kind) or kind_of(place) or "threads"
            problem = ""
            if place not in known:
                problem = f"there is no dispatcher {place!r}; {did_you_mean(place, known, 'dispatchers')}"
            elif issubclass(kind, Source) and made_of != kind.runs_only_on:
                way, where = ("awaits", "an event loop") if kind.runs_only_on == ASYNCIO else ("waits", repr(PINNED))
                problem = f"a source that {way} while it produces runs on {where} only, got {place!r}"
            elif made_of != ASYNCIO and (method := coroutine_in(kind)):
                problem = f"{method}() is a coroutine, which needs an event loop, got {place!r}"
            if problem:
                self._refuse(key_text("actors", name, "dispatcher"), problem)

    def _check_supervisors(self) -> None:
        known = self.topology.supervisors
        for name, spec in self.running.items():
            if spec.supervisor and spec.supervisor not in known:
                problem = (
                    f"there is no supervisor {spec.supervisor!r}; {did_you_mean(spec.supervisor, known, 'supervisors')}"
                )
                self._refuse(key_text("actors", name, "supervisor"), problem)
        for name, key, problem in problems_of_supervisors(known):
            self._refuse(key_text("supervisors", name, key), problem)
        self._check_codes()

    def _check_codes(self) -> None:
        """Refuse rules about codes that nobody declares, where everything that may declare them could be looked at."""
        known = self.topology.supervisors
        used = with_those_above({self.running[name].supervisor for name in self.classes}, known)
        found = {name: spec for name, spec in known.items() if name in used}
        if len(self.classes) < len(self.running) or self.unread or not any(problems_of_codes(found)):
            return
        for name, spec in self.topology.actors.items():  # a code may be one of actors that this profile does not run
            if name not in self.running and not isinstance(spec.actor_class, type):
                try:
                    import_actor(spec.actor_class, self.file, key_text("actors", name, "class"))
                except DeclaredError:
                    return
        for name, key, problem in problems_of_codes(found):
            self._refuse(key_text("supervisors", name, key), problem)

    def _check_bounds(self) -> None:
        for name, kind in self.classes.items():
            spec = self.running[name].mailbox
            if spec is None:
                continue
            contract = contract_of(kind)
            try:
                self.bounds[name] = bound = spec.applied_to(contract.bound)
                policies_of(kind.__name__, bound, own_policies(contract.table), contract.handled)
            except MailboxDeclarationError as error:
                self._refuse(key_text("actors", name, "mailbox"), error.problem)

    def _arguments(self, input: str | None, speed: str | None, overrides: Sequence[str]) -> dict[str, list[Override]]:
        """The command line's settings by actor; what nobody can take is a problem."""
        found: dict[str, list[Override]] = defaultdict(list)
        for option, key, value in (("--input", "input", input), ("--speed", "speed", speed)):
            if value is None:
                continue
            takers = [name for name in self.classes if key in self._keys_of(name)]
            if not takers and len(self.classes) == len(self.running):
                profile = self.profile or "none"
                self.problems.append(OptionNotTakenError(file=self.file, profile=profile, option=option, key=key))
            for name in takers:
                found[name].append(Override(f"{option} {value}", name, (key,), value))
        for given in overrides:
            try:
                override = read_override(given, self.running)
            except OverrideError as error:
                self.problems.append(error)
                continue
            keys = self._keys_of(override.actor) if override.actor in self.classes else override.path
            if override.path[0] in keys:
                found[override.actor].append(override)
            else:
                problem = f"{override.actor} has no config key {override.path[0]!r}"
                hint = did_you_mean(override.path[0], keys, f"keys of {override.actor}")
                self.problems.append(OverrideError(given=given, problem=problem, hint=hint))
        return found

    def _keys_of(self, name: str) -> Collection[str]:
        kind = self._config_class(name)
        return () if kind is None else kind.model_fields

    def _config_class(self, name: str) -> type[Config] | None:
        kind = contract_of(self.classes[name]).config_class
        return kind if isinstance(kind, type) and issubclass(kind, Config) else None

    def _load_config(self, name: str, arguments: Iterable[Override]) -> None:
        given: Any = self.running[name].config
        actor = self.classes[name].__name__
        contract = contract_of(self.classes[name])
        section = key_text("actors", name, "config")
        if contract.config_problem:
            self._refuse(section, f"the config of {actor} is not known: {contract.config_problem}")
        elif contract.config_class is None:
            if given:
                self.problems.append(ConfigNotTakenError(file=self.file, key=section, actor=actor))
        elif isinstance(given, contract.config_class):
            self.configs[name] = given
        elif not issubclass(contract.config_class, Config) or not isinstance(given or {}, Mapping):
            self._refuse(section, f"{actor} takes a {contract.config_class.__name__}, got {given!r}")
        else:
            try:
                self.configs[name] = contract.config_class.load(
                    section=given or {}, source=f"{self.file} {section}", arguments=merge_overrides(arguments)
                )
            except DeclaredError as error:
                self.problems.append(error)

    def _refuse(self, key: str, problem: str) -> None:
        self.problems.append(TopologyValueError(file=self.file, key=key, problem=problem))

    def _senders_of(self, name: str) -> list[str]:
        """Those whom ``from`` names and who run; names of nobody and useless ones are problems."""
        key = key_text("actors", name, "from")
        known = [*self.topology.actors, *self.unread]
        takes = contract_of(self.classes[name]).handled
        senders = []
        for sender in self.running[name].listens_to or ():
            if sender not in known:
                hint = did_you_mean(sender, known, "actors")
                self.problems.append(UnknownSenderError(file=self.file, key=key, name=sender, hint=hint))
            elif sender in self.classes:
                senders.append(sender)
                emits = contract_of(self.classes[sender]).emits
                if not set(emits) & set(takes):
                    self.problems.append(
                        UselessSenderError(
                            file=self.file,
                            key=key,
                            sender=sender,
                            receiver=name,
                            emits=listed(message.__name__ for message in emits),
                            takes=listed(message.__name__ for message in takes),
                        )
                    )
        return senders


def _names_by_actor(pairs: Iterable[tuple[str, type[TLV]]]) -> dict[str, str]:
    """The messages of each actor as one text."""
    found: dict[str, list[str]] = defaultdict(list)
    for actor, message in pairs:
        found[actor].append(message.__name__)
    return {actor: listed(names) for actor, names in found.items()}


def _full_name(message: type[TLV]) -> str:
    return f"{message.__module__}.{message.__qualname__}"
