"""pydantic, which imports asyncio and OpenSSL only for those who use them through it. Who imports this first has it so."""

from __future__ import annotations

from mycelium.imports.later import later

with later("asyncio", "secrets"):
    import pydantic.types
    import pydantic_settings

__all__ = ["pydantic", "pydantic_settings"]
