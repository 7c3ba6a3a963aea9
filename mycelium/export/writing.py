"""Chooses what is exported, by which emitter, and under which names of files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import PurePath

from mycelium.errors.contract import ContractTargetError
from mycelium.lockfile.declarations import declarations_of

from .tokens import records_of
from .vectors import vectors_of

__all__ = ["LANGUAGES", "exported_files"]

#: What each language is written by, and how its file ends.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "c": ("mycelium.export.c:c_header", ".h"),
    "rust": ("mycelium.export.rust:rust_module", ".rs"),
    "json-schema": ("mycelium.export.json_schema:json_schema_text", ".schema.json"),
    "kaitai": ("mycelium.export.kaitai:kaitai_text", ".ksy"),
    "sbe-xml": ("mycelium.export.sbe:sbe_xml", ".xml"),
}


def exported_files(targets: Iterable[str], language: str) -> dict[str, str]:
    """Names and texts of the files: the messages of ``targets`` in that language, and golden vectors for a test of it.

    Raises `ContractTargetError`, also where a target has no messages.
    """
    targets = tuple(targets)
    messages = tuple(declarations_of(targets).messages)
    if not messages:
        raise ContractTargetError(target=", ".join(targets), reason="it has no messages to export")
    path, ending = LANGUAGES[language]
    module, _, function = path.partition(":")
    stem = _stem(targets[0])
    records = records_of(messages)
    written = getattr(import_module(module), function)(records, stem)
    typed = [one.message for one in sorted(records, key=lambda one: one.type_id or 0) if one.type_id is not None]
    vectors = {"digests": {one.name: one.message.layout.digest for one in records}, "vectors": vectors_of(typed)}
    return {f"{stem}{ending}": written, f"{stem}.vectors.json": json.dumps(vectors, indent=1) + "\n"}


def _stem(target: str) -> str:
    """``tlv.market_data:TradeTLV`` as ``market_data``, ``configs/demo.toml`` as ``demo``."""
    if target.endswith(".toml"):
        return PurePath(target).stem
    return target.partition(":")[0].rpartition(".")[2]
