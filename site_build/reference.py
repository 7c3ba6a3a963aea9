"""The pages of the site that are made from the code: the public names, the bytes of messages, all settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from mycelium.cli.config_target import find_configs
from mycelium.config import describe_settings
from tlv import TLV
from tlv.market_data import MARKET_DATA_MESSAGES, OrderLevel

from .byte_diagram import byte_diagram

__all__ = ["PAGES"]

#: Names that stand for values, shown where they are used.
_UNSHOWN = {"FRAME_SIZE"}


def names_of(module: str, title: str, about: str) -> str:
    """The public names of a module, in the order of the alphabet; each is read where it is defined."""
    package = importlib.import_module(module)
    lines = [f"# {title}", "", about, ""]
    for name in sorted(package.__all__, key=str.casefold):
        if name not in _UNSHOWN and (home := _home(package, name)):
            lines += [f"::: {home}.{name}", ""]
    return "\n".join(lines)


def _home(package: ModuleType, name: str) -> str:
    """The module that defines a name; none for numbers and type aliases."""
    defined: str = getattr(getattr(package, name), "__module__", "")
    return defined if defined.startswith(("mycelium", "tlv")) else ""


def layouts() -> str:
    """The bytes of the market-data messages."""
    about = "The fixed part of each market-data message, eight bytes a row. Padding is hatched; groups hold the place and number of their items."
    lines = ["# The bytes of the messages", "", about, ""]
    messages: Iterable[type[TLV]] = (*MARKET_DATA_MESSAGES, OrderLevel)
    for message in messages:
        lines += [f"## {message.__name__}", "", byte_diagram(message), ""]
    return "\n".join(lines)


def settings() -> str:
    """Every setting of the reference application."""
    about = (
        "The configs of the application in `actors/` and `configs/`. For those of your own: `mycelium config TARGET`."
    )
    lines = ["# Settings", "", about, ""]
    for use in find_configs("configs"):
        described = describe_settings(use.config, section=use.section, source=use.source)
        lines += [f"## {use.title}", "", "| variable | type | default | |", "|---|---|---|---|"]
        for row in described.rows:
            default = "required" if row.default is None else row.default
            cells = (f"`{row.variable}`", row.type, default, row.description)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def style() -> str:
    """How byte diagrams look."""
    return (Path(__file__).parent / "site.css").read_text(encoding="utf-8")


#: What makes each page.
PAGES: dict[str, Callable[[], str]] = {
    "reference/mycelium.md": lambda: names_of("mycelium", "mycelium", "The framework: what `import mycelium` has."),
    "reference/tlv.md": lambda: names_of("tlv", "tlv", "The message layer: what `import tlv` has."),
    "reference/testing.md": lambda: names_of("mycelium.testing", "mycelium.testing", "The test kit."),
    "reference/links.md": lambda: names_of("mycelium.link", "mycelium.link", "How frames come from node to node."),
    "reference/layouts.md": layouts,
    "reference/configs.md": settings,
    "reference/site.css": style,
}
