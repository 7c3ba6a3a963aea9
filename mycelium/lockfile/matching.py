"""Which message of before is which one now: a class that has another name is known by its type id."""

from __future__ import annotations

from collections.abc import Mapping

from .lock import Facts, Lock

__all__ = ["matched_messages", "with_names_of_now"]


def matched_messages(old: Lock, new: Lock) -> dict[str, str]:
    """Name before and name now. By name first: two messages that swap type ids are two that moved, not two renamed."""
    before, now = old["messages"], new["messages"]
    by_type = {facts["type"]: name for name, facts in now.items() if "type" in facts}
    found = {}
    for name, facts in before.items():
        other = by_type.get(facts.get("type"))
        if name in now and ("type" in facts) == ("type" in now[name]):
            found[name] = name
        elif other is not None and other not in before:
            found[name] = other
    return found


def with_names_of_now(old: Lock, names: Mapping[str, str]) -> Lock:
    """What was promised of sets, actors and routes, with messages called as they are now."""

    def renamed(told: list[str]) -> list[str]:
        return [names.get(one, one) for one in told]

    def edge(key: str) -> str:
        sender, _, message = key.rpartition(" ")
        return f"{sender} {names.get(message, message)}"

    def of_actor(facts: Facts) -> Facts:
        handles = {names.get(one, one): policy for one, policy in facts["handles"].items()}
        return facts | {"handles": handles, "emits": renamed(facts["emits"])}

    sets = {name: facts | {"members": renamed(facts["members"])} for name, facts in old["sets"].items()}
    actors = {name: of_actor(facts) for name, facts in old["actors"].items()}
    routes = {name: {edge(key): to for key, to in edges.items()} for name, edges in old["routes"].items()}
    return Lock(old.targets, {**old.sections, "sets": sets, "actors": actors, "routes": routes})
