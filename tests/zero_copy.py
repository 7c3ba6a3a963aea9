"""The marker of tests whose point is that a view reads its buffer in place; `legacy` messages are copies.

What those do instead is in `tests/test_tlv_legacy.py`.
"""

from __future__ import annotations

import pytest

from tlv import implementation

__all__ = ["zero_copy"]

zero_copy = pytest.mark.skipif(
    implementation.running == "legacy", reason="legacy messages copy what they read, and keep no buffer"
)
