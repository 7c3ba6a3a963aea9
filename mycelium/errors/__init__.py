"""Every declared error of the framework, by family, and the catalogue over them.

::

    DeclaredError
      TLVError                  TLV-nnn  tlv/errors.py         messages and frames
      MessageSetError           MSG-nnn  message_set.py        declaring message sets and handlers
      ActorError                ACT-nnn  actor.py              telling, asking, emitting
      ConfigError               CFG-nnn  config.py             settings and where they come from
      TopologyError             TOP-nnn  topology.py           topology files
      NodeError                 NOD-nnn  node.py               running a topology

Each module draws its own family. Catch one error, its family, or `DeclaredError`; where a stock
kind fits, an error is also that (``ValueError``, ``TimeoutError``, ``pykka.ActorDeadError``).
"""

from __future__ import annotations

from mycelium.errors.config import (
    ConfigDeclarationError,
    ConfigError,
    ConfigTargetError,
    EnvFileError,
    InvalidConfigError,
    PrefixClashError,
    Problems,
)
from tlv.declared_error import DeclaredError, catalogue, error_from_dict, error_with_code

__all__ = [
    "ConfigDeclarationError",
    "ConfigError",
    "ConfigTargetError",
    "DeclaredError",
    "EnvFileError",
    "InvalidConfigError",
    "PrefixClashError",
    "Problems",
    "catalogue",
    "error_from_dict",
    "error_with_code",
]
