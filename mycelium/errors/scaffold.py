"""Errors of `mycelium new`.

::

    ScaffoldError
      ProjectNameError      NEW-001  no name for a new service (ValueError)
      ProjectExistsError    NEW-002  a folder that has something in it (FileExistsError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = ["ProjectExistsError", "ProjectNameError", "ScaffoldError"]


class ScaffoldError(DeclaredError):
    """Family of the errors of beginning a service."""


class ProjectNameError(
    ScaffoldError,
    ValueError,
    code="NEW-001",
    text="{name!r} cannot be the name of a service: {reason}",
    next_step="choose another one, such as price_watch",
):
    """The name is to be that of a Python package."""

    name: str
    reason: str


class ProjectExistsError(
    ScaffoldError,
    FileExistsError,
    code="NEW-002",
    text="{folder} is there already, and not empty",
    next_step="choose another name, or an empty folder with --into",
):
    """Nothing is overwritten."""

    folder: str
