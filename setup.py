"""The compiled cores of the message layer and of the runtime, and a hook that counts what they ask of CPython's allocators.

Everything else about this project is in pyproject.toml. The extensions are optional: where they cannot be
built the install succeeds, `tlv` and the mail of `mycelium` run on their Python twins, and `mycelium bench`
counts no allocations.

    MYCELIUM_WERROR=1     warnings are errors (CI and the make targets set it)
    MYCELIUM_SANITIZE=1   build with AddressSanitizer and UndefinedBehaviorSanitizer (`make asan`); "fuzzer" adds
                          coverage for libFuzzer (`make fuzz`), "fuzzer-freelists" that and freelists, as users have them
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

arguments: list[str] = []
link: list[str] = []
macros: list[tuple[str, str | None]] = []
if sys.platform == "win32":
    arguments += ["/std:c11"]
else:
    arguments += ["-std=c11", "-O3", "-Wall", "-Wextra", "-fno-strict-aliasing", "-fvisibility=hidden"]
    if os.environ.get("MYCELIUM_WERROR"):
        arguments.append("-Werror")
sanitize = os.environ.get("MYCELIUM_SANITIZE", "")
if sanitize:
    fuzzed = ",fuzzer-no-link" if sanitize.startswith("fuzzer") else ""
    sanitizers = [
        f"-fsanitize=address,undefined{fuzzed}",
        "-fno-sanitize-recover=undefined",
        "-fno-omit-frame-pointer",
        "-g",
    ]
    arguments += [*sanitizers, "-O1"]
    link += sanitizers
    if sanitize != "fuzzer-freelists":
        macros.append(("MYCELIUM_NO_FREELIST", None))


class BuildCore(build_ext):
    """Says it where the core could not be built; everything works without."""

    def run(self) -> None:
        super().run()
        if not all(Path(built).exists() for built in self.get_outputs() if "_native" in built):
            self.warn(
                "the compiled cores were not built (is there a C compiler, and Python's headers?). Everything works on "
                "their twins in Python; making and reading messages takes about 7 times as long."
            )


setup(
    cmdclass={"build_ext": BuildCore},
    ext_modules=[
        Extension(
            "tlv._native",
            sources=["tlv/native/module.c"],
            depends=sorted(map(str, Path("tlv/native").glob("*.h"))),
            extra_compile_args=arguments,
            extra_link_args=link,
            define_macros=macros,
            optional=not os.environ.get("MYCELIUM_WERROR"),
        ),
        Extension(
            "mycelium._native",
            sources=["mycelium/native/module.c"],
            depends=sorted(map(str, Path("mycelium/native").glob("*.h"))),
            extra_compile_args=arguments,
            extra_link_args=link,
            define_macros=macros,
            optional=not os.environ.get("MYCELIUM_WERROR"),
        ),
        Extension(
            "mycelium.bench._allocator_hook",
            sources=["mycelium/bench/allocator_hook.c"],
            extra_compile_args=arguments,
            extra_link_args=link,
            optional=not os.environ.get("MYCELIUM_WERROR"),
        ),
    ],
)
