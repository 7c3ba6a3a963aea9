"""``python -m mycelium``: the command line."""

from __future__ import annotations

from mycelium.cli import main

if __name__ == "__main__":
    main()
