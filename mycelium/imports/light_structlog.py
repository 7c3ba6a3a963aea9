"""structlog, which imports asyncio and rich only for those who use them through it."""

from __future__ import annotations

from mycelium.imports.later import later

with later("asyncio", "rich", "rich.console", "rich.pretty", "rich.traceback"):
    import structlog

__all__ = ["structlog"]
