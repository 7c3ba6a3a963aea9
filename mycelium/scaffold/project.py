"""Writes the files of a new service."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mycelium.errors.scaffold import ProjectExistsError, ProjectNameError

__all__ = ["new_project"]

_TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".template"
#: Files whose names begin with a dot, which a package leaves out.
_HIDDEN = {"gitignore": ".gitignore", "env.example": ".env.example"}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40


def new_project(name: str, into: Path | None = None) -> list[Path]:
    """Write a service called ``name`` into the folder ``into``, by default one of its name here; what was written.

    It has messages, configs, three actors, a topology, tests and a Makefile, and runs as it is. Nothing that is there is
    overwritten. Raises `ProjectNameError` for what is no name of a package, or that of another one, `ProjectExistsError` where
    the folder is not empty, and ``OSError`` where it cannot be written.
    """
    _check_name(name)
    folder = Path(name) if into is None else into
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectExistsError(folder=str(folder))
    written = []
    for relative, text in _files(name):
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        written.append(path)
    return written


def _files(name: str) -> Iterator[tuple[Path, str]]:
    title = "".join(word.capitalize() for word in name.split("_"))
    for source in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
        relative = str(source.relative_to(_TEMPLATE)).removesuffix(_SUFFIX)
        text = source.read_text(encoding="utf-8").replace("service_name", name).replace("ServiceName", title)
        yield Path(_HIDDEN.get(relative, relative.replace("service_name", name))), text
    # For the Makefile: where nothing is activated, `python3` is another one, which has no Mycelium.
    yield Path("python.mk"), f"PYTHON ?= {sys.executable}\n"


def _check_name(name: str) -> None:
    reason = ""
    if not _NAME.fullmatch(name):
        reason = "it is not of small letters, digits and single underscores"
    elif len(name) > _LONGEST:
        reason = f"it has {len(name)} letters, and {_LONGEST} are allowed"
    elif keyword.iskeyword(name) or hasattr(builtins, name):
        reason = "Python has that word"
    elif name in sys.stdlib_module_names or name in {"tests", "mycelium", "tlv"}:
        reason = "there is a module of that name"
    elif importlib.util.find_spec(name) is not None and not Path(name).is_dir():
        reason = "a package of that name is installed"
    if reason:
        raise ProjectNameError(name=name, reason=reason)
