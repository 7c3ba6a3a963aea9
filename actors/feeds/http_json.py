"""One JSON value by HTTP: bounded in time and size."""

from __future__ import annotations

from typing import Any

from .strict_json import parse_json

__all__ = ["ANSWER_BYTES_MAX", "get_json"]

ANSWER_BYTES_MAX = 1 << 26


def get_json(url: str, timeout_s: float) -> Any:
    """What the server answers to GET. Blocks; raises ``ValueError`` that says why there is no answer, or none in JSON."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    if not url.startswith(("http://", "https://")):
        msg = "an address that begins with http:// or https://"
        raise ValueError(msg)
    try:
        with urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 - the scheme is checked above
            read: bytes = answer.read(ANSWER_BYTES_MAX + 1)
    except HTTPError as refused:
        refused.close()  # it is the answer too, with its socket
        raise ValueError(str(refused)) from refused
    except (OSError, HTTPException) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    if len(read) > ANSWER_BYTES_MAX:
        msg = f"the answer has more than {ANSWER_BYTES_MAX} bytes"
        raise ValueError(msg)
    return parse_json(read.decode())
