"""Both implementations of `tlv` in one process, as two packages that share nothing but the files."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import tlv

__all__ = ["native", "python"]


@cache
def python() -> Any:
    """The twin in Python."""
    return tlv if tlv.implementation.running == "python" else _load("python")


@cache
def native() -> Any:
    """The compiled core, or none where it was not built."""
    if tlv.implementation.running == "native":
        return tlv
    return _load("native") if "native" in tlv.implementation.available() else None


def _load(choice: str) -> Any:
    """The package again under another name: its modules import each other by relative names only.

    A compiled core knows one package. That is why the package called `tlv`, where it runs the core, is never loaded
    again to do so.
    """
    home = Path(tlv.__file__).parent
    name = f"tlv_{choice}"
    spec = importlib.util.spec_from_file_location(name, home / "__init__.py", submodule_search_locations=[str(home)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = os.environ.get(tlv.implementation.VARIABLE)
    sys.modules[name] = module
    os.environ[tlv.implementation.VARIABLE] = choice
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.pop(tlv.implementation.VARIABLE)
        if before is not None:
            os.environ[tlv.implementation.VARIABLE] = before
    assert module.implementation.running == choice
    return module
