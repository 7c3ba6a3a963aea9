"""The section ``[nodes.NAME]`` of a topology: one process, where it runs, and how others reach it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Implementation", "NodeSpec", "check_metrics_address"]

#: As `tlv.implementation.CHOICES` has them.
Implementation = Literal["python", "native", "legacy"]


def check_metrics_address(given: str | None) -> str | None:
    """Raise `MetricsAddressError` where that is no address; imports what knows that only where there is one."""
    if given is not None:
        from mycelium.observing.address import read_address

        read_address(given)
    return given


def check_host(given: str) -> str:
    """Raise ``ValueError`` where that is neither a name nor an address."""
    if given and not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.:-]*[A-Za-z0-9_])?|::1", given):
        msg = f"{given!r} is neither the name nor the address of a host"
        raise ValueError(msg)
    return given


def check_listen(given: str) -> str:
    """Raise `EndpointError` where nobody can listen, or nobody can know where."""
    if given:
        from mycelium.errors.link import EndpointError
        from mycelium.link.endpoints import Endpoint

        if Endpoint.read(given).port == 0:
            raise EndpointError(endpoint=given, reason="others call it, so its port is a fixed one")
    return given


def check_routers(given: tuple[str, ...]) -> tuple[str, ...]:
    """Raise `EndpointError` where nobody can be called."""
    for endpoint in given:
        from mycelium.errors.link import EndpointError
        from mycelium.link.endpoints import Endpoint

        if (read := Endpoint.read(endpoint)).port == 0 or read.is_wildcard:
            raise EndpointError(endpoint=endpoint, reason="a router is called at one address and port")
    return given


#: Keys that are not for a topology, and what their place is.
_OF_THE_HOST = {
    name: f"certificates and other secrets are config of each host: set MYCELIUM_LINK_{name.upper()} there"
    for name in ("authority", "certificate", "key", "mutual", "lease_ms", "names")
}


class NodeSpec(BaseModel):
    """One node: a process of the topology."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What to say of keys that belong elsewhere.
    elsewhere: ClassVar[Mapping[str, str]] = _OF_THE_HOST

    memory_mb: Annotated[
        float | None,
        Field(ge=0, description="the most that its mailboxes may hold, in MB; by default as [topology] says"),
    ] = None
    restarts: Annotated[
        int, Field(ge=0, le=1000, description="how often it is started again within a minute, when it dies")
    ] = 3
    metrics: Annotated[
        str | None,
        AfterValidator(check_metrics_address),
        Field(description="where it serves metrics, host:port"),
    ] = None
    linger_us: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="how long a frame that is not full waits for more messages before it is sent, in microseconds",
        ),
    ] = 0
    spin_us: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="how long it looks for the next frame before it sleeps, where frames come that soon, in microseconds",
        ),
    ] = 0
    frames_per_s: Annotated[
        float, Field(ge=0, description="how many frames a second it takes from each peer; 0 is no limit")
    ] = 0.0
    mb_per_s: Annotated[
        float, Field(ge=0, description="how many millions of bytes a second it takes from each peer; 0 is no limit")
    ] = 0.0
    tlv: Annotated[
        Implementation | None,
        Field(description="the implementation of the message layer there; by default as [topology] says"),
    ] = None
    host: Annotated[
        str,
        AfterValidator(check_host),
        Field(description="the name or address of the host on which it runs; by default this one"),
    ] = ""
    link: Annotated[
        Literal["auto", "ipc", "net"],
        Field(description="what joins it to others: ipc is shared memory, net the network; auto looks at the hosts"),
    ] = "auto"
    listen: Annotated[
        str,
        AfterValidator(check_listen),
        Field(description="where others call it over the network, such as tls/0.0.0.0:7447"),
    ] = ""
    routers: Annotated[
        tuple[str, ...],
        AfterValidator(check_routers),
        Field(description="routers of Zenoh that it calls in place of other nodes: endpoints"),
    ] = ()
    talks_to: Annotated[
        tuple[str, ...] | None,
        Field(
            description="the nodes whose actors its own tell, ask and watch by refs, beside those that it exchanges messages with; by default all that it can reach"
        ),
    ] = None
    insecure: Annotated[bool, Field(description="whether listen and routers may be plain TCP that leaves the host")] = (
        False
    )
