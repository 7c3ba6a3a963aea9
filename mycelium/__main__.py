"""``python -m mycelium`` and the program ``mycelium``: the command line."""

from __future__ import annotations

import sys

from mycelium.early_stop import stop_at_once

__all__ = ["main"]


def main() -> None:
    """Run the command line, or tell in one line why there is no message layer to run it on."""
    stop_at_once()
    try:
        from mycelium.cli import main as run
    except ImportError as error:
        # MYCELIUM_TLV names what is not there. Its class cannot be imported: nothing of `tlv` can.
        if getattr(error, "code", "") != "TLV-013":
            raise
        sys.stderr.write(f"mycelium: {error}\n")
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
