"""What `from tlv import ...` offers: exactly this; and all exports of ours say what they do."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import annotated_types
import pytest

import mycelium
import tlv
import tlv.market_data
from tlv import TLV, DeclaredError, Frame, FrameWriter, Layout, TLVError

ROOT = Path(__file__).resolve().parent.parent

#: Every name here is a promise: adding one is a decision, taking one away breaks users.
EXPORTS = [
    "TLV",
    "define_tlv",
    "Doc",
    "FloatType",
    "Group",
    "IntType",
    "NonZero",
    "Null",
    "Scaled",
    "Size",
    "pad",
    "padding",
    "i8",
    "i16",
    "i24",
    "i32",
    "i40",
    "i48",
    "i56",
    "i64",
    "i96",
    "i112",
    "i128",
    "i160",
    "i192",
    "i224",
    "i256",
    "u8",
    "u16",
    "u24",
    "u32",
    "u40",
    "u48",
    "u56",
    "u64",
    "u96",
    "u112",
    "u128",
    "u160",
    "u192",
    "u224",
    "u256",
    "f32",
    "f64",
    "Layout",
    "Field",
    "describe",
    "describe_dict",
    "describe_markdown",
    "Frame",
    "FrameHeader",
    "FrameWriter",
    "Limits",
    "read_frame",
    "read_frames",
    "SequenceTracker",
    "Batch",
    "BatchBoundsError",
    "DeclaredError",
    "catalogue",
    "error_from_dict",
    "error_with_code",
    "TLVError",
    "DeclarationError",
    "TruncatedError",
    "BufferTypeError",
    "FieldValueError",
    "ConstraintError",
    "RuleError",
    "FieldBoundsError",
    "TextEncodingError",
    "LayoutMismatchError",
    "JsonError",
    "BufferSpaceError",
    "ImmutableError",
    "ImplementationError",
    "FrameHeaderError",
    "FrameVersionError",
    "FrameTruncatedError",
    "ChecksumError",
    "FrameLimitError",
    "FrameFullError",
    "FrameContentError",
    "SequenceGapError",
    "SequenceRepeatError",
    "UntypedMessageError",
    "ColumnsUnavailableError",
    "ColumnsShapeError",
]

#: What a message class and its instances offer beside their fields; no field can have such a name.
MESSAGE_API = [
    "as_bytes",
    "columns",
    "emplace",
    "from_dict",
    "from_json",
    "layout",
    "raw",
    "read_from",
    "ref_from",
    "ref_from_validated",
    "replace",
    "to_dict",
    "to_json",
    "to_owned",
    "type_id",
    "validate",
    "write_into",
]


def documented(module: ModuleType) -> list[str]:
    """Exported classes and functions; a type alias such as i64 has no text of its own."""
    return [
        name
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) or inspect.isroutine(getattr(module, name))
    ]


def sort_key(name: str) -> tuple[Any, ...]:
    """Constants, classes, the rest; numbers in names by their value: i8 before i16."""
    group = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return (group, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def public_members(kind: type[Any]) -> list[str]:
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def test_it_exports_exactly_these_names() -> None:
    assert sorted(tlv.__all__) == sorted(EXPORTS)


def test_every_public_name_of_the_package_is_exported() -> None:
    public = {
        name for name, value in vars(tlv).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public == set(tlv.__all__)


@pytest.mark.parametrize("module", [tlv, tlv.market_data], ids=lambda module: module.__name__)
def test_the_list_of_exports_is_sorted_and_has_each_name_once(module: ModuleType) -> None:
    assert list(module.__all__) == sorted(set(module.__all__), key=sort_key)


@pytest.mark.parametrize(
    "name", [f"{module.__name__}.{name}" for module in (tlv, mycelium) for name in documented(module)]
)
def test_every_export_says_what_it_does(name: str) -> None:
    module, _, attribute = name.partition(".")
    text = inspect.getdoc(getattr(sys.modules[module], attribute)) or ""
    first = text.partition("\n\n")[0]
    assert first[:1].isupper() or first.startswith("``"), "no docstring"
    assert first.endswith((".", ":", "::")), first


@pytest.mark.parametrize(
    "member", [f"{kind.__name__}.{name}" for kind in (TLV, Frame, FrameWriter, Layout) for name in public_members(kind)]
)
def test_every_public_member_of_the_main_classes_says_what_it_does(member: str) -> None:
    kind, _, name = member.partition(".")
    found = inspect.getattr_static(getattr(tlv, kind), name)
    function = getattr(found, "__func__", found)
    if inspect.isfunction(function) or isinstance(function, property):
        assert inspect.getdoc(function), f"{member} has no docstring"


def test_a_message_offers_exactly_these_names() -> None:
    class Bare(TLV):
        pass

    assert public_members(Bare) == sorted(MESSAGE_API)


def test_every_error_of_the_layer_is_exported_and_has_a_code_of_its_own() -> None:
    errors = [error for error in tlv.catalogue() if issubclass(error, TLVError)]
    assert {error.__name__ for error in errors} | {"TLVError"} == {
        name for name in EXPORTS if name.endswith("Error") and name != DeclaredError.__name__
    }
    assert all(error.code.startswith("TLV-") for error in errors)


def test_objects_know_the_package_they_come_from() -> None:
    """Tracebacks, pickles and documentation show it."""
    for name in documented(tlv):
        assert getattr(tlv, name).__module__.partition(".")[0] == "tlv", name


# Alone ------------------------------------------------------------------------------------------------------------

# -I and -S: no working directory, no site-packages with an installed copy of ours; what is needed is put on the path.
ALONE = """
import sys
sys.path[:0] = sys.argv[1:]
before = set(sys.modules)
import tlv, tlv.market_data
from tlv.market_data import TradeTLV
assert tlv.__file__.startswith(sys.argv[1]), tlv.__file__
for ours in ("mycelium", "actors", "configs"):
    try:
        __import__(ours)
    except ImportError:
        continue
    raise AssertionError(ours + " can be imported here: the test proves nothing")
trade = TradeTLV(price=1, quantity=2, timestamp=3, venue_id=4)
writer = tlv.FrameWriter()
writer.append(trade)
assert list(tlv.read_frame(writer.finish())) == [trade]
tlv.describe(TradeTLV)
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(name for name in foreign if not name.startswith("__")))
"""


def test_it_works_where_nothing_else_of_ours_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours" / "tlv").symlink_to(ROOT / "tlv")
    package = Path(annotated_types.__file__).parent
    (tmp_path / "theirs" / package.name).symlink_to(package)
    told = subprocess.run(
        [sys.executable, "-ISc", ALONE, str(tmp_path / "ours"), str(tmp_path / "theirs")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == "['annotated_types', 'tlv']\n", "it needs more than annotated-types"
