"""What a change of anything but messages does to users: limits, sets, actors, routes, settings and errors."""

from __future__ import annotations

from collections.abc import Iterator

from .change import Change, breaking, compatible
from .lock import Facts, Lock
from .rules import allows, split_limits

__all__ = ["compare_actors", "compare_configs", "compare_errors", "compare_limits", "compare_routes", "compare_sets"]


def compare_limits(old: Lock, new: Lock) -> Iterator[Change]:
    """Limits of the wire, and the numbers of domains."""
    for section in ("limits", "domains"):
        for name, value in old[section].items():
            now = new[section].get(name, value)
            if now != value:
                yield breaking(name, f"is {now} and was {value}: what one side writes the other refuses")


def compare_sets(old: Lock, new: Lock) -> Iterator[Change]:
    """Message sets: what an actor gets that receives one."""
    for name, facts in old["sets"].items():
        now = new["sets"].get(name)
        if now is None:
            yield breaking(name, "is gone: actors that receive the set have to name messages")
            continue
        if now["domain"] != facts["domain"]:
            yield breaking(name, f"is of domain {now['domain']} and was of {facts['domain']}: its type ids are others")
        for lost in sorted(set(facts["members"]) - set(now["members"])):
            yield breaking(name, f"lost {lost}: actors that receive the set get it no more")
        for added in sorted(set(now["members"]) - set(facts["members"])):
            yield compatible(
                name, f"has {added} too: actors that receive the set must handle or ignore it when they are rebuilt"
            )


def compare_actors(old: Lock, new: Lock) -> Iterator[Change]:
    """Who handles and emits what, and what becomes of mail for which there is no room."""
    for name, facts in old["actors"].items():
        now = new["actors"].get(name)
        if now is None:
            does = [("handles", facts["handles"]), ("emits", facts["emits"])]
            text = ", nor ".join(f"{verb} {', '.join(messages)}" for verb, messages in does if messages)
            yield breaking(name, f"is gone: nobody {text}" if text else "is gone")
            continue
        for lost in sorted(set(facts["handles"]) - set(now["handles"])):
            yield breaking(name, f"handles {lost} no more: what is sent to it goes to nobody")
        for added in sorted(set(now["handles"]) - set(facts["handles"])):
            yield compatible(name, f"handles {added} too")
        for lost in sorted(set(facts["emits"]) - set(now["emits"])):
            yield breaking(name, f"emits {lost} no more: who listens to it waits in vain")
        for added in sorted(set(now["emits"]) - set(facts["emits"])):
            yield compatible(name, f"emits {added} too")
        for message, policy in facts["handles"].items():
            policy_now = now["handles"].get(message, policy)
            if policy_now != policy:
                text = f"has a full mailbox {policy_now} a {message}, and had it {policy}"
                yield breaking(name, f"{text}: senders relied on what becomes of it")
        if facts["mailbox"] != now["mailbox"]:
            yield compatible(name, f"has a mailbox of {_terms(now['mailbox'])}, and had {_terms(facts['mailbox'])}")
    for name in new["actors"]:
        if name not in old["actors"]:
            yield compatible(name, "is a new actor")


def compare_routes(old: Lock, new: Lock) -> Iterator[Change]:
    """Who gets what from whom in a topology."""
    for topology, edges in old["routes"].items():
        subject = f"topology {topology}"
        now = new["routes"].get(topology)
        if now is None:
            same = [name for name, one in new["routes"].items() if one == edges and name not in old["routes"]]
            why = (
                f"it is called {same[0]} now" if len(same) == 1 else "it is not among the targets, or has another name"
            )
            yield breaking(subject, f"is gone: {why}")
            continue
        for edge, receivers in edges.items():
            sender, _, message = edge.rpartition(" ")
            for lost in sorted(set(receivers) - set(now.get(edge, []))):
                yield breaking(subject, f"has no {message} from {sender} to {lost} any more")
        for edge, receivers in now.items():
            sender, _, message = edge.rpartition(" ")
            for added in sorted(set(receivers) - set(edges.get(edge, []))):
                yield compatible(subject, f"has {message} from {sender} to {added} now")


def compare_configs(old: Lock, new: Lock) -> Iterator[Change]:
    """Settings by the variable that users set."""
    before, now = old["configs"], new["configs"]
    fresh = {name: facts for name, facts in now.items() if name not in before}
    for variable, facts in before.items():
        subject = f"config key {variable}"
        if variable in now:
            yield from _compare_setting(subject, facts, now[variable])
            continue
        same = [name for name, one in fresh.items() if one == facts]
        if len(same) == 1:
            del fresh[same[0]]
            yield breaking(subject, f"is called {same[0]} now: whoever sets it is refused")
        else:
            yield breaking(subject, "removed: whoever sets it is refused")
    for variable, facts in fresh.items():
        subject = f"config key {variable}"
        if "default" in facts:
            yield compatible(subject, f"is new, by default {facts['default']}")
        elif facts["config"] in {one["config"] for one in before.values()}:
            yield breaking(subject, "is new and required: a service that runs without it is refused")
        else:
            yield compatible(subject, f"is new, as {facts['config']} is")


def _compare_setting(subject: str, old: Facts, new: Facts) -> Iterator[Change]:
    if old["type"] != new["type"]:
        (kinds, limits), (kinds_now, limits_now) = split_limits(old["type"]), split_limits(new["type"])
        kind = next(iter(kinds)) if len(kinds) == 1 else ""
        wider = kinds <= kinds_now and allows(limits_now, limits, kind)
        text = f"takes {new['type']} and took {old['type']}"
        if wider:
            yield compatible(subject, f"{text}: what was set is still right")
        else:
            yield breaking(subject, f"{text}: what was set may be refused")
    if old.get("default") != new.get("default"):
        if "default" not in new:
            yield breaking(subject, "has no default any more: whoever does not set it is refused")
        elif "default" in old:
            text = f"is {new['default']} where nobody sets it, and was {old['default']}"
            yield compatible(subject, text)
        else:
            yield compatible(subject, f"has a default now, {new['default']}")
    if old.get("secret") and not new.get("secret"):
        yield breaking(subject, "is no secret any more: it is shown where it was masked")


def compare_errors(old: Lock, new: Lock) -> Iterator[Change]:
    """Declared errors by code: what is caught, logged, and rebuilt from code and parameters."""
    for code, facts in old["errors"].items():
        now = new["errors"].get(code)
        subject = f"error {code}"
        if now is None:
            yield breaking(subject, f"removed: whoever catches {facts['class']} waits in vain")
            continue
        if now["class"] != facts["class"]:
            yield breaking(
                subject, f"is {now['class']} and was {facts['class']}: code that catches it by name has to change"
            )
        yield from _compare_parameters(subject, facts["parameters"], now["parameters"])
        for lost in sorted(set(facts["also"]) - set(now["also"])):
            yield breaking(subject, f"is no {lost} any more: whoever catches that misses it")
        for added in sorted(set(now["also"]) - set(facts["also"])):
            yield compatible(subject, f"is also a {added}")
        if facts["retry"] and not now["retry"]:
            yield breaking(subject, "says that a retry does not help any more: whoever retries stops")
        elif now["retry"] and not facts["retry"]:
            yield compatible(subject, "says that a retry can help")
    for code, facts in new["errors"].items():
        if code not in old["errors"]:
            yield compatible(f"error {code}", f"is new, {facts['class']}")


def _compare_parameters(subject: str, old: Facts, new: Facts) -> Iterator[Change]:
    for name, kind in old.items():
        if name not in new:
            yield breaking(subject, f"lost parameter `{name}`: whoever reads it fails")
        elif new[name] != kind:
            yield breaking(subject, f"has parameter `{name}` as {new[name]} and had it as {kind}")
    for name in new:
        if name not in old:
            text = f"has parameter `{name}` too: those built before cannot rebuild it from what they are sent"
            yield breaking(subject, text)


def _terms(mailbox: Facts) -> str:
    return ", ".join(f"{name} {value}" for name, value in mailbox.items())
