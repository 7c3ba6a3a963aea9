"""Settings: classes whose values come from arguments, environment, .env, a topology file and defaults.

`base` has the class, `reading` merges the sources and remembers which one said what, `variables` and
`prefixes` know the environment, `problems` words what is wrong; `settings` and `template` describe
a class to its users.
"""

from __future__ import annotations

from mycelium.imports import light_pydantic as _light_pydantic  # noqa: F401 - before those who import pydantic

from .base import Config
from .settings import Setting, Settings, declared_settings, describe_settings
from .template import env_template

__all__ = ["Config", "Setting", "Settings", "declared_settings", "describe_settings", "env_template"]
