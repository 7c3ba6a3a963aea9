"""Under the fuzzer: hands each input to the targets. Started by fuzz/__main__.py, with the sanitizers preloaded."""

from __future__ import annotations

import gc
import sys

import atheris

from . import twins
from .targets import NAMES, agree


def main() -> None:
    """Fuzz; the arguments are those of libFuzzer."""
    if twins.native() is None:
        sys.exit("the compiled core is not built")
    for i in range(len(NAMES)):
        agree(bytes([i]))
    gc.collect()
    gc.freeze()  # some values collect garbage, and need not look at all that stays
    atheris.Setup(sys.argv[1:], agree)  # the first one is the program that started this one
    atheris.Fuzz()


if __name__ == "__main__":
    main()
