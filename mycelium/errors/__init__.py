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

from mycelium.errors.actor import (
    ActorError,
    AskTimeoutError,
    DeadActorError,
    DeadlineMissingError,
    HandlerFailedError,
    NotInitializedError,
    NotReceivedError,
    PauseOutsideError,
    StoppedFirstError,
    UndeclaredEmissionError,
    WiringError,
)
from mycelium.errors.config import (
    ConfigDeclarationError,
    ConfigError,
    ConfigTargetError,
    EnvFileError,
    InvalidConfigError,
    PrefixClashError,
    Problems,
)
from mycelium.errors.message_set import (
    EmptyMessageSetError,
    HandledAndIgnoredError,
    HandlerClashError,
    HandlerSignatureError,
    MessageNameClashError,
    MessageSetError,
    NotAMessageError,
    NotAMessageSetError,
    OutsideDomainError,
    TypeIdClashError,
    TypelessMessageError,
    UnhandledMessageError,
    UnreceivedHandlerError,
    UnreceivedIgnoreError,
)
from mycelium.errors.node import (
    ActorFailedError,
    ActorStartError,
    ActorStuckError,
    DescribeTargetError,
    InputMissingError,
    LedgerError,
    NodeError,
    NodeStateError,
    RecordingFileError,
)
from mycelium.errors.topology import (
    ActorImportError,
    ActorModuleError,
    ConfigNotTakenError,
    DuplicateNameError,
    MessageClashError,
    NotAnActorError,
    NothingToRunError,
    OptionNotTakenError,
    OverrideError,
    TopologyError,
    TopologyFileError,
    TopologyRefusedError,
    TopologySyntaxError,
    TopologyValueError,
    UnemittedMessageError,
    UnknownActorClassError,
    UnknownKeyError,
    UnknownProfileError,
    UnknownSenderError,
    UnknownVenueError,
    UnreceivedMessageError,
    UselessSenderError,
)
from tlv.declared_error import DeclaredError, catalogue, error_from_dict, error_with_code

__all__ = [
    "ActorError",
    "ActorFailedError",
    "ActorImportError",
    "ActorModuleError",
    "ActorStartError",
    "ActorStuckError",
    "AskTimeoutError",
    "ConfigDeclarationError",
    "ConfigError",
    "ConfigNotTakenError",
    "ConfigTargetError",
    "DeadActorError",
    "DeadlineMissingError",
    "DeclaredError",
    "DescribeTargetError",
    "DuplicateNameError",
    "EmptyMessageSetError",
    "EnvFileError",
    "HandledAndIgnoredError",
    "HandlerClashError",
    "HandlerFailedError",
    "HandlerSignatureError",
    "InputMissingError",
    "InvalidConfigError",
    "LedgerError",
    "MessageClashError",
    "MessageNameClashError",
    "MessageSetError",
    "NodeError",
    "NodeStateError",
    "NotAMessageError",
    "NotAMessageSetError",
    "NotAnActorError",
    "NotInitializedError",
    "NotReceivedError",
    "NothingToRunError",
    "OptionNotTakenError",
    "OutsideDomainError",
    "OverrideError",
    "PauseOutsideError",
    "PrefixClashError",
    "Problems",
    "RecordingFileError",
    "StoppedFirstError",
    "TopologyError",
    "TopologyFileError",
    "TopologyRefusedError",
    "TopologySyntaxError",
    "TopologyValueError",
    "TypeIdClashError",
    "TypelessMessageError",
    "UndeclaredEmissionError",
    "UnemittedMessageError",
    "UnhandledMessageError",
    "UnknownActorClassError",
    "UnknownKeyError",
    "UnknownProfileError",
    "UnknownSenderError",
    "UnknownVenueError",
    "UnreceivedHandlerError",
    "UnreceivedIgnoreError",
    "UnreceivedMessageError",
    "UselessSenderError",
    "WiringError",
    "catalogue",
    "error_from_dict",
    "error_with_code",
]
