"""``python -m mycelium`` and the program ``mycelium``: the command line."""

from __future__ import annotations

import os
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
        if {"-h", "--help"}.isdisjoint(sys.argv[1:]) or "MYCELIUM_TLV" not in os.environ:
            sys.exit(2)
        # Help runs on any; anew, as half of the modules are imported.
        del os.environ["MYCELIUM_TLV"]
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, "-m", "mycelium", *sys.argv[1:]])  # noqa: S606 - itself
    run()


if __name__ == "__main__":
    main()
