"""Builds the compiled core with sanitizers and coverage, and starts libFuzzer on it: `python -m fuzz`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(__file__).resolve().parent / "corpus"
BUILD = ROOT / "build" / "fuzz"
#: Each view is memory of its own, which the sanitizer watches; and what users run, with its freelists.
VARIANTS = {"bare": {"MYCELIUM_SANITIZE": "fuzzer"}, "freelists": {"MYCELIUM_SANITIZE": "fuzzer-freelists"}}
INPUT_SIZE_MAX = 2048
NEEDED = """make fuzz needs {missing}.
  clang with its runtimes:  apt-get install clang  (Debian, Ubuntu), dnf install clang compiler-rt  (Fedora)
  atheris:                  .venv/bin/python -m pip install -e '.[fuzz]'  (Linux, Python 3.11 to 3.13)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: nothing was found; 1: something was, see the last lines; 2: a tool is missing."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for how long, half of it with freelists")
    parser.add_argument("--again", type=Path, metavar="INPUT", help="run one input, as the fuzzer would")
    parser.add_argument("--merge", action="store_true", help="write the smallest corpus of the same coverage")
    chosen = parser.parse_args(arguments)
    missing = _missing()
    if missing:
        print(NEEDED.format(missing=" and ".join(missing)), file=sys.stderr)
        return 2
    if chosen.again:
        return max(_fuzz(variant, [str(chosen.again.resolve())]) for variant in VARIANTS)
    if chosen.merge:
        return _merge()
    grown = BUILD / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    CORPUS.mkdir(exist_ok=True)
    for variant in VARIANTS:
        seconds = max(1, round(chosen.seconds / len(VARIANTS)))
        print(f"fuzzing the build {variant!r} for {seconds} s", flush=True)
        status = _fuzz(variant, [f"-max_total_time={seconds}", "-print_final_stats=1", str(grown), str(CORPUS)])
        if status:
            return 1
    return 0


def _missing() -> list[str]:
    clang = None if _clang() else "clang"
    atheris = None if importlib.util.find_spec("atheris") else "atheris"
    return [one for one in (clang, atheris) if one]


def _clang() -> str | None:
    names = (os.environ.get("CLANG", "clang"), *(f"clang-{version}" for version in range(22, 13, -1)))
    return next((found for name in names if (found := shutil.which(name))), None)


def _built(variant: str) -> Path:
    """A folder with `tlv` and its instrumented core."""
    clang, built = _clang(), BUILD / variant
    environment = os.environ | VARIANTS[variant] | {"CC": str(clang), "LDSHARED": f"{clang} -shared"}
    command = [sys.executable, "setup.py", "-q", "build", "--build-base", str(built), "--build-lib", str(built / "lib")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | {"MYCELIUM_WERROR": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return built / "lib"


def _fuzz(variant: str, arguments: list[str]) -> int:
    """Runs libFuzzer with the harness on a build; its exit status."""
    spec = importlib.util.find_spec("atheris")
    assert spec is not None
    assert spec.origin is not None
    # atheris brings libFuzzer and the sanitizer in one library, which must be there before Python.
    runtime = Path(spec.origin).parent.parent / "asan_with_fuzzer.so"
    environment = os.environ | {
        "LD_PRELOAD": str(runtime),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:malloc_context_size=4:quarantine_size_mb=32",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join((str(_built(variant)), str(ROOT))),
        "MYCELIUM_TLV": "native",
    }
    options = [
        f"-max_len={INPUT_SIZE_MAX}",
        "-timeout=20",
        "-detect_leaks=0",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={BUILD}/",
    ]
    return subprocess.run([_program(), *options, *arguments], env=environment, cwd=BUILD, check=False).returncode


def _program() -> Path:
    """The engine as one program, which libFuzzer starts again when it merges."""
    program = BUILD / "engine"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fuzz.engine "$0" "$@"\n')
    program.chmod(0o755)
    return program


def _merge() -> int:
    """Makes the corpus of the repository anew, from itself and what runs have found."""
    with tempfile.TemporaryDirectory() as scratch:
        found = [str(one) for one in (CORPUS, BUILD / "corpus") if one.exists()]
        status = _fuzz("bare", ["-merge=1", "-use_counters=0", "-max_len=512", scratch, *found])
        if status == 0:
            shutil.rmtree(CORPUS, ignore_errors=True)
            CORPUS.mkdir()
            for one in Path(scratch).iterdir():
                shutil.copyfile(one, CORPUS / one.name[:16])
    return status


if __name__ == "__main__":
    sys.exit(main())
