"""The pages are true: their programs and commands do what is written there, and what they name is there.

* A ``python`` block is run, all of a page as one program, and prints what a ``text`` block directly below it says.
* A block whose first line is a comment with a name of a file (``# bars.py``) is that file.
* A ``console`` block is run line by line in a folder that holds those files.

Everything else is an illustration. In what a command prints, a line ``...`` stands for any lines, and what
was measured (`MEASURED`) may differ.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mycelium.bench import COSTS, cost_table
from mycelium.cli import cli
from tests.pages import PAGES, ROOT, Block, anchors_of, blocks_of, code_of, links_of, text_of

CONTEXT = click.Context(cli)

#: What a page takes for granted, run before its first program.
BEFORE = {
    "docs/configs.md": """
import os
from tlv import TLV, i64
from mycelium import Actor, handles
os.environ.update(GATEWAY_HOST="10.0.0.7", GATEWAY_TOKEN="correct horse")
class Orders(TLV, type=1000):
    price: i64
class Actor(Actor):
    @handles
    def on_order(self, order: Orders) -> None: ...
""",
    "docs/errors.md": """
from mycelium import Actor, handles
from tlv import TLV, u32
class PriceRequest(TLV, type=1000):
    venue_id: u32
class Tape(Actor):
    use_daemon_thread = True
    @handles
    def on_request(self, request: PriceRequest) -> int:
        return 5
tape = Tape.start()
""",
}

MEASURED = re.compile(r"\w+: finished after |rate  |hand-off  |memory  |\d+ passed in |# frame ")
PROGRESS = re.compile(r" *\d+\.\d s  running, .*\n")
MARK = "\x1eblock "


def environment(folder: Path) -> dict[str, str]:
    """That of somebody who has set nothing, with the commands of this interpreter."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "COVERAGE"))}
    # CI: of Hypothesis, which then does not mind that the machine is slow.
    fixed = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "120", "CI": "true"}
    return {**kept, **fixed, "PATH": path}


def write_file(folder: Path, block: Block) -> None:
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.text)


# Programs ---------------------------------------------------------------------------------------------------------


def program_of(page: str) -> tuple[str, list[tuple[Block, str | None]]]:
    """All programs of a page as one, in which every line has the number that it has there; what each is to print."""
    lines = [""] * (text_of(page).count("\n") + 1)
    lines[0] = f"exec({BEFORE.get(page, '')!r})"
    promised = []
    blocks = blocks_of(page)
    for block, following in zip(blocks, [*blocks, None][1:], strict=True):
        if block.language != "python" or block.file:
            continue
        # In the place of the fence.
        lines[block.line - 2] = f"print({MARK + str(block.line)!r}, flush=True)"
        code = block.text.splitlines()
        lines[block.line - 1 : block.line - 1 + len(code)] = code
        told = following is not None and following.language == "text" and following.follows
        promised.append((block, following.text if following and told else None))
    return "\n".join(lines) + "\n", promised


@pytest.mark.parametrize("page", [page for page in PAGES if program_of(page)[1]])
def test_the_programs_of_a_page_run_and_print_what_it_says(page: str, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    source, promised = program_of(page)
    for block in blocks_of(page):
        write_file(tmp_path, block)
    program = tmp_path / "page.py"
    program.write_text(source)
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(tmp_path),
        timeout=120,
    )  # fmt: skip
    # A page may end by raising an error, to show how.
    raises = isinstance(ast.parse(promised[-1][0].text).body[-1], ast.Raise)
    assert done.returncode == raises, f"{page}\n{done.stderr}"
    printed = dict(part.split("\n", 1) for part in done.stdout.split(MARK)[1:])
    for block, text in promised:
        assert text is None or printed[str(block.line)] == text, f"the program at {block.place} prints something else"


# Commands ---------------------------------------------------------------------------------------------------------


def sessions_of(page: str) -> Iterator[tuple[Block, list[tuple[str, str]]]]:
    """Blocks in order; of those that are consoles, each command with what it prints."""
    for block in blocks_of(page):
        if block.language == "console":
            commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
            assert commands, f"{block.place} has no line that begins with $"
            yield block, commands
        else:
            yield block, []


def pattern_of(text: str) -> re.Pattern[str]:
    """What matches the output that a page shows."""
    parts = []
    for line in text.rstrip("\n").splitlines():
        measured = MEASURED.match(line)
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        elif measured:
            parts.append(re.escape(measured[0]) + r".*\n")
        else:
            parts.append(re.escape(line.rstrip()) + r" *\n")
    return re.compile("".join(parts))


def command_of(line: str) -> tuple[list[str], dict[str, str]]:
    """Arguments, and the variables that are set in front of them."""
    words = shlex.split(line, comments=True)
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    program = Path(words.pop(0)).name
    assert program in {"mycelium", "python"}, f"{line}: only mycelium and python are run here"
    return [sys.executable, *(["-m", "mycelium"] if program == "mycelium" else []), *words], variables


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands for _, commands in sessions_of(page))])
def test_the_commands_of_a_page_print_what_it_says(page: str, tmp_path: Path) -> None:
    for block, commands in sessions_of(page):
        write_file(tmp_path, block)
        for command, text in commands:
            if command.startswith(("git ", "make ", "mkdir ", "pip ", ". ")):
                continue
            arguments, variables = command_of(command)
            done = subprocess.run(
                arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                cwd=tmp_path, env=environment(tmp_path) | variables, timeout=120,
            )  # fmt: skip
            said = PROGRESS.sub("", done.stdout).rstrip("\n") + "\n"
            assert pattern_of(text).fullmatch(said), f"{block.place}: $ {command}\nprinted\n{said}"
            assert done.returncode == (2 if re.search(r"\[[A-Z]+-\d{3}\]", text) else 0), f"{block.place}: $ {command}"


def test_the_reports_of_the_demo_that_the_pages_show_are_those_of_today(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mycelium", "run", "configs/market_data.toml", "--log-level", "error"]
    done = subprocess.run(
        [*command, "--set", f"recorder.path={tmp_path / 'demo.frames'}"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=environment(tmp_path), timeout=120,
    )  # fmt: skip
    shown = [block for page in PAGES for block in blocks_of(page) if "\nsource    simulated_venues: " in block.text]
    assert "README.md" in {block.page for block in shown}
    for block in shown:
        assert pattern_of(block.text).search(done.stdout), f"{block.place}: the demo prints\n{done.stdout}"


def ratio_of(contest: str, row: str, figure: str, beside: str) -> str:
    """What the page of benchmarks says."""
    section = text_of("docs/benchmarks.md").partition(f"\n### {contest}\n")[2].partition("\n### ")[0]
    table = [
        [cell.strip(" *") for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    (column,) = (index for index, head in enumerate(table[0]) if head.endswith(f"/ {beside}"))
    (found,) = (cells for cells in table if cells[0] == row and (not figure or cells[1] == figure))
    return f"{found[column]} the {table[0][column].partition(' /')[0]}"


def test_the_ratios_in_the_readme_are_those_of_the_benchmarks() -> None:
    """`mycelium bench --into docs/benchmarks.md --into README.md` writes both from one run."""
    told = [
        ratio_of(one.contest, one.contestant, "" if one.figure == "time" else one.figure, one.beside) for one in COSTS
    ]
    table = cost_table(told)
    assert table in text_of("README.md"), f"the bench table of the readme is now\n{table}"


# What is named ----------------------------------------------------------------------------------------------------


def commands_named(page: str) -> Iterator[tuple[str, str]]:
    """Place and text of every command line of ours."""
    for block in blocks_of(page):
        if block.language not in {"", "sh", "console"}:
            continue
        for number, line in enumerate(block.text.splitlines(), block.line):
            yield f"{page}:{number}", line.removeprefix("$ ")
    for number, code in code_of(page):
        yield f"{page}:{number}", code


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_and_options_that_a_page_names_exist(page: str) -> None:
    wrong = []
    for place, line in commands_named(page):
        found = re.match(r"(?:\S*/|python -m )?mycelium (?P<name>[a-z]+)(?P<rest> .*)?$", line)
        if not found:
            continue
        command = cli.get_command(CONTEXT, found["name"])
        if command is None:
            wrong.append(f"{place}: there is no command {found['name']!r}")
            continue
        words = (found["rest"] or "").partition(" #")[0].split()
        if isinstance(command, click.Group) and words and words[0] in command.list_commands(CONTEXT):
            command = command.get_command(CONTEXT, words[0])
            assert command is not None
        options = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        wrong.extend(f"{place}: {found['name']} has no {option}" for option in sorted(options - options_of(command)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES)
def test_the_targets_of_make_that_a_page_names_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for _, line in commands_named(page)
        for target in re.findall(r"^make ([a-z-]+)", line)
        if target[0] != "-"
    }
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    wrong = []
    for line, target in links_of(page):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not file.exists():
            wrong.append(f"{page}:{line}: there is no {path}")
        elif anchor and (file.suffix != ".md" or anchor not in anchors_of(str(file.relative_to(ROOT)))):
            wrong.append(f"{page}:{line}: {path or page} has no heading {anchor!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES)
def test_the_files_and_tests_that_a_page_names_are_there(page: str) -> None:
    folders = "tlv|mycelium|actors|configs|examples|tests|benches|docs"
    wrong = []
    for line, code in code_of(page):
        found = re.fullmatch(rf"((?:{folders})/[\w./-]*)(?:::(\w+))?", code)
        if not found:
            continue
        file = ROOT / found[1]
        if not file.exists():
            wrong.append(f"{page}:{line}: there is no {found[1]}")
        elif found[2] and not re.search(rf"^\s*(?:def|class) {found[2]}\b", file.read_text(), re.MULTILINE):
            wrong.append(f"{page}:{line}: {found[1]} has no {found[2]}")
    assert not wrong, "\n".join(wrong)


def test_every_page_can_be_found_from_the_index_and_the_index_from_the_readme() -> None:
    listed = {target.partition("#")[0] for _, target in links_of("docs/README.md")}
    assert {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {"README.md"} <= listed
    assert "docs/README.md" in {target for _, target in links_of("README.md")}


def test_programs_of_the_pages_are_as_wide_as_a_page() -> None:
    """120 characters, as the code; tables and generated text may be wider."""
    wrong = [
        f"{block.page}:{number}"
        for page in PAGES
        for block in blocks_of(page)
        if block.language in {"python", "toml"}
        for number, line in enumerate(block.text.splitlines(), block.line)
        if len(line) > 120
    ]
    assert not wrong, "\n".join(wrong)


def test_json_output_that_a_page_shows_is_json() -> None:
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "json":
                json.loads(block.text)
