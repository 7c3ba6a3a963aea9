"""Nodes: a topology at work in one process. `node` runs it, `observe` reads it, `signals` stop it."""

from __future__ import annotations

from .node import Node
from .signals import stop_on_signals

__all__ = ["Node", "stop_on_signals"]
