"""Errors of looking at a running node.

::

    ObservingError
      ObservingExtraError   OBS-001  a package that is needed to look is not installed  (ImportError)
      MetricsAddressError   OBS-002  an address of `--metrics` that is none             (ValueError)
      MetricsServerError    OBS-003  metrics cannot be served at that address           (OSError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "MetricsAddressError",
    "MetricsServerError",
    "ObservingError",
    "ObservingExtraError",
]


class ObservingError(DeclaredError):
    """Family of the errors of looking at a running node."""


class ObservingExtraError(
    ObservingError,
    ImportError,
    code="OBS-001",
    text="{feature} needs {package}, which is not installed",
    next_step="pip install 'mycelium-actors[{extra}]'",
):
    """A package that is needed to look is not installed."""

    feature: str
    package: str
    extra: str


class MetricsAddressError(
    ObservingError,
    ValueError,
    code="OBS-002",
    text="{address!r} is no address to serve metrics at: {reason}",
    next_step="write :PORT for all interfaces, 127.0.0.1:PORT for this machine only, or [::1]:PORT; port 0 is any",
):
    """An address of `--metrics`, of MYCELIUM_METRICS or of a topology that cannot be understood."""

    address: str
    reason: str


class MetricsServerError(
    ObservingError,
    OSError,
    code="OBS-003",
    text="cannot serve metrics at {address}: {reason}",
    next_step="choose another port, or end who uses this one; port 0 is any that is free",
):
    """The port is in use, may not be used, or the host is none of this machine's."""

    address: str
    reason: str
