"""What can go wrong in the services: the SVC family. The last number given is 001.

::

    ServiceError
      RecordingError     SVC-001  the recording cannot be written
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = ["RecordingError", "ServiceError"]


class ServiceError(DeclaredError):
    """Errors of the services."""


class RecordingError(
    ServiceError,
    OSError,
    code="SVC-001",
    text="cannot write the recording {path}: {reason}",
    next_step="free space there, or choose another file with RECORDER_PATH or `path` in the config of the recorder",
    retryable=True,
):
    path: str
    reason: str
