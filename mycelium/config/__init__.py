"""Settings: classes whose values come from arguments, environment, .env, a topology file and defaults."""

from __future__ import annotations

from .base import Config

__all__ = ["Config"]
