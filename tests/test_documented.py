"""Every public name says what it does: functions, classes and their members, of every package that exports names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import pytest

PACKAGES = (
    "tlv",
    "tlv.market_data",
    "mycelium",
    "mycelium.bench",
    "mycelium.config",
    "mycelium.dispatcher",
    "mycelium.errors",
    "mycelium.link",
    "mycelium.node",
    "mycelium.scaffold",
    "mycelium.supervision",
    "mycelium.testing",
    "mycelium.topology",
)


def undocumented(package: str) -> Iterator[str]:
    module = importlib.import_module(package)
    for name in module.__all__:
        found = getattr(module, name)
        if not (inspect.isclass(found) or inspect.isfunction(found)):
            continue
        if not inspect.getdoc(found):
            yield f"{package}.{name}"
        if inspect.isclass(found):
            yield from (f"{package}.{name}.{member}" for member in undocumented_members(found))


def undocumented_members(kind: type) -> Iterator[str]:
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        # What overrides a member that says it says the same.
        if inspect.isfunction(function) and not inspect.getdoc(getattr(kind, name)):
            yield name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_says_what_it_does(package: str) -> None:
    assert list(undocumented(package)) == []


def test_what_says_nothing_is_found() -> None:
    class Silent:
        def speak(self) -> None: ...

        @property
        def tone(self) -> int:
            return 0

        @classmethod
        def made(cls) -> None:
            """It is made."""

    assert list(undocumented_members(Silent)) == ["speak", "tone"]
