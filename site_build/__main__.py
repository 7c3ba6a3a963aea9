"""``python -m site_build FOLDER``: collect the pages of the site there."""

from __future__ import annotations

import sys
from pathlib import Path

from .pages import collect

into = Path(sys.argv[1])
sys.stdout.write(f"{collect(into)} pages in {into}\n")
