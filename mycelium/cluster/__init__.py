"""A topology of several nodes on this host: `launcher` starts and watches their processes, `merging` adds up what they report."""

from __future__ import annotations
