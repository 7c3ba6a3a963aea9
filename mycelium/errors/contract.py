"""Errors of `mycelium contract`: the file that says what others rely on, and what is written for other languages.

::

    ContractError
      LockMissingError      CON-001  there is no such lock (FileNotFoundError)
      LockFormatError       CON-002  a lock of a format that this version does not know (ValueError)
      LockUnreadableError   CON-003  a file that is no lock, or a damaged one (ValueError)
      LockReferenceError    CON-004  neither a file nor something that git knows (ValueError)
      ContractTargetError   CON-005  a target that declares nothing, or cannot be imported (ValueError)
      ExportNameError       CON-006  a name that another language cannot write (ValueError)
      ExportFormError       CON-007  a message that another language cannot describe (ValueError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "ContractError",
    "ContractTargetError",
    "ExportFormError",
    "ExportNameError",
    "LockFormatError",
    "LockMissingError",
    "LockReferenceError",
    "LockUnreadableError",
]


class ContractError(DeclaredError):
    """Family of the errors of the contract file."""


class LockMissingError(
    ContractError,
    FileNotFoundError,
    code="CON-001",
    text="there is no {file} to compare with",
    next_step="write it with `mycelium contract lock TARGET`, or name another one with --lock",
):
    """Nothing was promised yet, or somewhere else."""

    file: str


class LockFormatError(
    ContractError,
    ValueError,
    code="CON-002",
    text="{file} has format {found}; this version reads format {known}",
    next_step="use the version of mycelium that wrote it, or write it anew with `mycelium contract lock`",
):
    """A lock is compared only where all of it is understood."""

    file: str
    found: str
    known: int


class LockUnreadableError(
    ContractError,
    ValueError,
    code="CON-003",
    text="{file} cannot be read as a contract: {reason}",
    next_step="write it anew with `mycelium contract lock`, or take the one that was committed",
):
    """It was changed by hand, cut, or is another file."""

    file: str
    reason: str


class LockReferenceError(
    ContractError,
    ValueError,
    code="CON-004",
    text="--against {reference}: {reason}",
    next_step="name a lock file, or a commit, branch or tag that has {file}",
):
    """What is compared with is a file, or the lock as git has it."""

    reference: str
    file: str
    reason: str


class ContractTargetError(
    ContractError,
    ValueError,
    code="CON-005",
    text="{target} cannot be looked at: {reason}",
    next_step="name a module (tlv.market_data), something in it (tlv.market_data:TradeTLV), or a topology file",
):
    """The contract is read from what a target declares."""

    target: str
    reason: str


class ExportNameError(
    ContractError,
    ValueError,
    code="CON-006",
    text="{name!r} cannot be written in {language}",
    next_step="rename it, to small ASCII letters, digits and underscores, or export to another language",
):
    """Names are not changed on the way: readers could not be told what they are called."""

    name: str
    language: str


class ExportFormError(
    ContractError,
    ValueError,
    code="CON-007",
    text="{message} cannot be written in {language}: {reason}",
    next_step="export it apart from the others, or to another language",
):
    """What the other language has no words for."""

    message: str
    language: str
    reason: str
