"""A new service: the files that `mycelium new NAME` writes. `project` writes them, ``template/`` holds them."""

from __future__ import annotations

from .project import new_project

__all__ = ["new_project"]
