"""The messages for other languages: each declaration is taken apart once (`tokens`), and each language is one emitter."""

from __future__ import annotations

from .vectors import vectors_of
from .writing import LANGUAGES, exported_files

__all__ = ["LANGUAGES", "exported_files", "vectors_of"]
