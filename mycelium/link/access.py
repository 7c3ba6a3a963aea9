"""Who may use which channels over the network, by the names in the certificates that they show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Access", "access_settings"]

#: Everything that goes over a connection for a channel.
_MESSAGES = (
    "put",
    "delete",
    "declare_subscriber",
    "query",
    "declare_queryable",
    "reply",
    "liveliness_token",
    "declare_liveliness_subscriber",
    "liveliness_query",
)


@dataclass(frozen=True, slots=True)
class Access:
    """What one peer may use.

    Attributes:
        names: Common names of certificates, of which it shows one; without any, whoever comes over plain TCP.
        channels: Those that it may send and receive on.
    """

    names: tuple[str, ...]
    channels: tuple[str, ...]


def access_settings(allowed: Iterable[Access]) -> dict[str, Any]:
    """The section ``access_control`` of a Zenoh configuration: all others get nothing, and are heard of by nobody."""
    rules, subjects, policies = [], [], []
    for number, access in enumerate(allowed):
        key = str(number)
        rules.append(
            {
                "id": key,
                "permission": "allow",
                "flows": ["ingress", "egress"],
                "messages": list(_MESSAGES),
                # What is fetched again after a cut has keys of its own, which no ** meets.
                "key_exprs": [
                    f"mycelium/{channel}/{keys}" for channel in access.channels for keys in ("**", "frames/@adv/**")
                ],
            }
        )
        who = {"cert_common_names": list(access.names)} if access.names else {"link_protocols": ["tcp"]}
        subjects.append({"id": key, **who})
        policies.append({"rules": [key], "subjects": [key]})
    return {
        "enabled": True,
        "default_permission": "deny",
        "rules": rules,
        "subjects": subjects,
        "policies": policies,
    }
