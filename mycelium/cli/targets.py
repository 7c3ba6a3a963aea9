"""What a command line may name: the working directory's modules, messages in them, topology files."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from mycelium.errors.node import DescribeTargetError
from mycelium.imports.importing import import_named
from mycelium.nearest import did_you_mean
from tlv import TLV

__all__ = ["messages_at", "use_working_directory"]


def use_working_directory() -> None:
    """Let modules of the working directory be imported, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def messages_at(target: str) -> tuple[type[TLV], ...]:
    """The messages that ``target`` names: ``module:Message``, ``module:Set`` or all of ``module``.

    Raises `DescribeTargetError` and `TargetImportError`.
    """
    use_working_directory()
    module_name, _, path = target.partition(":")
    module = _module(target, module_name)
    if not path:
        found = _messages_in(module)
        if not found:
            raise DescribeTargetError(target=target, reason="the module has no messages")
        return found
    value: object = module
    for name in path.split("."):
        if not hasattr(value, name):
            known = [known for known, inside in vars(value).items() if _messages_of(inside)]
            hint = did_you_mean(name, known, "messages there")
            raise DescribeTargetError(target=target, reason=f"there is no {name!r}; {hint}")
        value = getattr(value, name)
    found = _messages_of(value)
    if not found:
        raise DescribeTargetError(target=target, reason="it is no message and no set of messages")
    return found


def _module(target: str, name: str) -> ModuleType:
    try:
        return import_named(name)
    except ModuleNotFoundError as error:
        raise DescribeTargetError(target=target, reason=str(error)) from error


def _messages_of(value: object) -> tuple[type[TLV], ...]:
    """The message itself, or the members of a message set or of a decorated namespace."""
    if isinstance(value, type) and issubclass(value, TLV):
        return () if value is TLV else (value,)
    messages = getattr(getattr(value, "__message_set__", value), "messages", None)
    if isinstance(messages, tuple):
        return tuple(message for message in messages if isinstance(message, type) and issubclass(message, TLV))
    return ()


def _messages_in(module: ModuleType) -> tuple[type[TLV], ...]:
    """The messages and layouts that a module declares or exports, by type id, plain layouts last."""
    exported = set(getattr(module, "__all__", ()))
    found = {
        message: None
        for name, value in vars(module).items()
        if name in exported or getattr(value, "__module__", "") == module.__name__
        for message in _messages_of(value)
    }
    return tuple(sorted(found, key=lambda message: (message.type_id is None, message.type_id or 0)))
