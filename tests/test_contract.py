"""`mycelium contract`: what others rely on as a file, what a change of it breaks, and the lock of this project."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli
from mycelium.errors.contract import LockFormatError, LockMissingError, LockUnreadableError
from mycelium.lockfile import FORMAT, Lock, Verdict, compare, lock_of, read_lock
from mycelium.lockfile.message_facts import message_facts
from tlv import define_tlv, error_from_dict, i64

ROOT = Path(__file__).resolve().parent.parent

SHOP = """
    from pydantic import Field, SecretStr
    from mycelium import Actor, Bounded, Config, Domain, actor_messages, handles
    from tlv import TLV, DeclaredError, i64, u32

    @actor_messages(domain=Domain.USER)
    class Market:
        class Quote(TLV, type=1000):
            bid: i64
            bid_size: i64

        class Trade(TLV, type=1001):
            price: i64

    class FeedConfig(Config, prefix="STALL_"):
        speed: float = Field(1.0, gt=0)
        token: SecretStr = SecretStr("hunter2")

    class Tape(Actor, receives=Market, emits=(Market.Trade,)):
        def __init__(self, config: FeedConfig) -> None:
            super().__init__()

        @handles
        def on_quote(self, quote: Market.Quote) -> None: ...

        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("shop"):
            del sys.modules[name]


def write(folder: Path, name: str, *changes: tuple[str, str]) -> str:
    """A module with the shop in it, changed; no two configs of a process share a prefix."""
    text = textwrap.dedent(SHOP)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.py").write_text(text)
    return name


def contract(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["contract", *arguments])


def lock(*arguments: str) -> None:
    done = contract("lock", *arguments)
    assert done.exit_code == 0, done.output


# The file ---------------------------------------------------------------------------------------------------------


def test_a_lock_says_a_fact_a_line_and_masks_secrets(folder: Path) -> None:
    done = contract("lock", write(folder, "shop"), "--into", "-")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for fact in (
        f"format = {FORMAT}",
        'targets = ["shop"]',
        "USER = [1000, 65535]",
        'bid_size = { offset = 8, size = 8, type = "i64" }',
        'members = ["Quote", "Trade"]',
        'emits = ["Trade"]',
        'Quote = "block"',
        'STALL_SPEED = { type = "float > 0", config = "FeedConfig", default = "1.0" }',
    ):
        assert fact in lines
    assert "hunter2" not in done.output
    assert 'STALL_TOKEN = { type = "str", config = "FeedConfig", default = "**********", secret = true }' in lines


def test_what_was_written_is_read_back_and_the_order_of_targets_is_all_that_differs(folder: Path) -> None:
    write(folder, "shop")
    first, second = lock_of(["shop", "tlv.market_data"]), lock_of(["tlv.market_data", "shop"])
    assert (
        first.to_toml().partition("targets")[2].partition("]")[2]
        == second.to_toml().partition("targets")[2].partition("]")[2]
    )
    again = Lock.from_toml(first.to_toml(), "contract.lock")
    assert not compare(first, again).changes
    assert not compare(again, first).changes


def test_a_topology_gives_its_routes(folder: Path) -> None:
    write(folder, "shop")
    (folder / "shop.toml").write_text(
        '[topology]\nname = "shop"\n[actors.one]\nclass = "shop:Tape"\n[actors.two]\nclass = "shop:Tape"\n'
    )
    found = lock_of(["shop.toml"])
    assert found["routes"] == {"shop": {"one Trade": ["two"], "two Trade": ["one"]}}
    assert set(found["messages"]) == {"Quote", "Trade"}


NO_TYPE = 'digest = "0"\nfields = { a = { offset = 0, size = 8 } }'


@pytest.mark.parametrize(
    "text, reason",
    [
        ("format = ", "it is no TOML"),
        ("targets = []", "it does not say its format"),
        (f"<<<<<<< HEAD\nformat = {FORMAT}\n=======", "line 1 is a mark of a merge that is not finished"),
        (f"format = {FORMAT}\ntargets = 5", "targets is not a list of names"),
        (f"format = {FORMAT}\ntargets = []\n[colours]\nred = 1", "a part that is not known here, 'colours'"),
        (f"format = {FORMAT}\ntargets = []\nmessages = 5", "messages is not a table"),
        (f"format = {FORMAT}\ntargets = []\n[messages]\nA = 5", "messages.A is not a table"),
        (
            f'format = {FORMAT}\ntargets = []\n[errors.TLV-001]\nclass = "A"',
            "errors.TLV-001 does not say its parameters",
        ),
        (
            f'format = {FORMAT}\ntargets = []\n[messages.A]\nversion = 1\nbyteorder = "little"\nsize = 8\n{NO_TYPE}',
            "messages.A.fields.a does not say its type",
        ),
    ],
)
def test_a_damaged_lock_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LockUnreadableError) as told:
        Lock.from_toml(text, "contract.lock")
    assert reason in str(told.value)


def test_a_lock_of_a_newer_format_is_refused() -> None:
    with pytest.raises(LockFormatError, match=r"\[CON-002\] contract.lock has format 99; this version reads format"):
        Lock.from_toml("format = 99\ntargets = []\n", "contract.lock")


# The check --------------------------------------------------------------------------------------------------------


def test_the_check_says_what_a_change_breaks_and_ends_with_1(folder: Path) -> None:
    lock(write(folder, "shop"))
    changed = write(
        folder,
        "shop_moved",
        ("    bid_size: i64", "    bid_time: i64\n            bid_size: i64".replace("            ", "        ")),
        ('"STALL_"', '"STALL2_"'),
        ("emits=(Market.Trade,)", "emits=()"),
    )
    done = contract("check", changed)
    assert done.exit_code == 1, done.output
    assert (
        "Quote.bid_size moved from offset 8 to 16: readers built before this change get wrong values (breaking)"
        in done.output
    )
    assert "config key STALL_SPEED is called STALL2_SPEED now: whoever sets it is refused (breaking)" in done.output
    assert "Tape emits Trade no more: who listens to it waits in vain (breaking)" in done.output
    assert "nodes of before and after do not exchange Quote: another digest" in done.output


def test_a_compatible_change_ends_with_0_and_one_way_with_1_where_both_are_asked_for(folder: Path) -> None:
    lock(f"{write(folder, 'shop')}:Market")
    more = ("    price: i64", "    price: i64\n        fee: i64")
    changed = f"{write(folder, 'shop_more', more, ('STALL_', 'STALL3_'))}:Market"
    done = contract("check", changed)
    assert done.exit_code == 0, done.output
    assert "Trade.fee was appended at the end, at offset 8: old readers ignore it (compatible one way: " in done.output
    assert done.output.endswith("1 change: 1 compatible one way\n")
    assert contract("check", changed, "--both-ways").exit_code == 1
    told = json.loads(contract("check", changed, "--json").output)
    assert told["one_way"] == 1
    assert told["changes"][0]["subject"] == "Trade.fee"
    assert told["digests_changed"] == ["Trade"]


def test_messages_that_swap_type_ids_are_two_that_moved_not_two_renamed() -> None:
    """Their bytes may be alike: readers built before take one for the other."""
    buy, sell = (define_tlv(name, {"price": i64}, type=number) for name, number in (("Buy", 1000), ("Sell", 1001)))
    locks = [
        Lock(("shop",), {"messages": message_facts(messages)[0]})
        for messages in (
            [buy, sell],
            [define_tlv("Buy", {"price": i64}, type=1001), define_tlv("Sell", {"price": i64}, type=1000)],
        )
    ]
    assert [str(one) for one in compare(*locks).changes] == [
        "Buy moved from type 1000 to 1001: readers built before take it for another or for none (breaking)",
        "Sell moved from type 1001 to 1000: readers built before take it for another or for none (breaking)",
    ]


def test_a_message_with_another_name_is_the_same_to_sets_actors_and_routes(folder: Path) -> None:
    before = lock_of([write(folder, "shop")])
    now = Lock.from_toml(before.to_toml().replace("Quote", "BestQuote"), "contract.lock")
    said = "BestQuote was called Quote: the bytes are the same, code that names it has to change (compatible)"
    assert [str(one) for one in compare(before, now).changes] == [said]


def test_the_targets_are_those_of_the_lock(folder: Path) -> None:
    lock(write(folder, "shop"), "--into", "shop.lock")
    done = contract("check", "--lock", "shop.lock")
    assert (done.exit_code, done.output) == (0, "nothing that others rely on has changed\n")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["check"], "[CON-001] there is no contract.lock to compare with"),
        (["check", "--against", "nowhere"], "[CON-004] --against nowhere: there is no such file, and git says"),
        (["check", "--against", "--help-me"], "[CON-004] --against --help-me: it is neither a file nor a commit"),
        (
            ["lock", "no_such_module"],
            "[CON-005] no_such_module cannot be looked at: there is no module 'no_such_module' here",
        ),
        (["lock", "shop/messages.py"], "'shop/messages.py' is not how a module is named; did you mean shop.messages?"),
        (["lock", "."], "'.' is not how a module is named; name a module"),
        (["lock", "needing"], "[NOD-036] needing fails to import: No module named 'no_such_module'; mend the module"),
        (
            ["check", "tlv.market_data:T", "--against", "some.lock"],
            "there is no 'T'; messages, sets, actors, configs or errors",
        ),
        (["lock", "json"], "[CON-005] json cannot be looked at: it declares no message, actor, config or error"),
        (["lock", "tlv.market_data:TradeTVL"], "there is no 'TradeTVL'; did you mean 'TradeTLV'"),
        (["lock", "tlv.market_data:MARKET_DATA_MESSAGES"], "it is no message, message set, actor, config or error"),
        (["lock", "broken"], "[NOD-036] broken fails to import: ZeroDivisionError: division by zero; mend the module"),
    ],
)
def test_wrong_input_ends_with_2(folder: Path, arguments: list[str], says: str) -> None:
    (folder / "broken.py").write_text("1 / 0")
    (folder / "needing.py").write_text("import no_such_module")
    (folder / "some.lock").write_text(f"format = {FORMAT}\ntargets = []\n")
    done = contract(*arguments)
    assert done.exit_code == 2
    assert says in done.output


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


def test_the_code_is_compared_with_the_lock_of_a_commit(folder: Path) -> None:
    git(folder, "init", "-q")
    lock(write(folder, "shop"))
    git(folder, "add", "contract.lock")
    git(folder, "commit", "-qm", "promise")
    (folder / "contract.lock").unlink()
    assert contract("check", "--against", "HEAD").exit_code == 0
    done = contract("check", "shop:Market", "--against", "HEAD")
    assert done.exit_code == 1
    assert "config key STALL_SPEED removed: whoever sets it is refused (breaking)" in done.output
    assert "Tape is gone: nobody handles Quote, Trade, nor emits Trade (breaking)" in done.output


# What is no layout ------------------------------------------------------------------------------------------------

ERROR = {"class": "FeedError", "parameters": {"venue": "str"}, "also": ["ValueError"], "retry": True}
SETTING = {"type": "float > 0", "config": "FeedConfig", "default": "1.0"}
ACTOR = {"handles": {"Trade": "block"}, "emits": ["Price"], "mailbox": {"capacity": 9}}
SET = {"domain": "USER", "members": ["Quote", "Trade"]}


@pytest.mark.parametrize(
    "section, old, new, verdict, says",
    [
        ("errors", ERROR, None, "BREAKING", "error A removed"),
        ("errors", ERROR, ERROR | {"parameters": {}}, "BREAKING", "error A lost parameter `venue`"),
        ("errors", ERROR, ERROR | {"parameters": {"venue": "str", "got": "int"}}, "BREAKING", "has parameter `got` too"),
        ("errors", ERROR, ERROR | {"parameters": {"venue": "int"}}, "BREAKING", "`venue` as int and had it as str"),
        ("errors", ERROR, ERROR | {"class": "GapError"}, "BREAKING", "is GapError and was FeedError"),
        ("errors", ERROR, ERROR | {"also": []}, "BREAKING", "is no ValueError any more"),
        ("errors", ERROR, ERROR | {"also": ["OSError", "ValueError"]}, "COMPATIBLE", "is also a OSError"),
        ("errors", ERROR, ERROR | {"retry": False}, "BREAKING", "a retry does not help any more"),
        ("errors", ERROR | {"retry": False}, ERROR, "COMPATIBLE", "a retry can help"),
        ("errors", None, ERROR, "COMPATIBLE", "error A is new, FeedError"),
        ("configs", SETTING, None, "BREAKING", "config key A removed"),
        ("configs", None, SETTING, "COMPATIBLE", "is new, by default 1.0"),
        ("configs", SETTING, {"type": "float > 0", "config": "FeedConfig"}, "BREAKING", "has no default any more"),
        ("configs", {"type": "int", "config": "C"}, {"type": "int", "config": "C", "default": "1"}, "COMPATIBLE", "has a default"),
        ("configs", SETTING, SETTING | {"default": "2.0"}, "COMPATIBLE", "is 2.0 where nobody sets it, and was 1.0"),
        ("configs", SETTING, SETTING | {"type": "int > 0"}, "BREAKING", "takes int > 0 and took float > 0"),
        ("configs", SETTING, SETTING | {"type": "float > 1"}, "BREAKING", "what was set may be refused"),
        ("configs", SETTING, SETTING | {"type": "float >= 0"}, "COMPATIBLE", "what was set is still right"),
        ("configs", SETTING, SETTING | {"type": "float | null > 0"}, "COMPATIBLE", "what was set is still right"),
        ("configs", SETTING | {"secret": True}, SETTING, "BREAKING", "is no secret any more"),
        ("actors", ACTOR, None, "BREAKING", "A is gone: nobody handles Trade, nor emits Price"),
        ("actors", ACTOR, ACTOR | {"handles": {}}, "BREAKING", "handles Trade no more"),
        ("actors", ACTOR, ACTOR | {"emits": []}, "BREAKING", "emits Price no more"),
        ("actors", ACTOR, ACTOR | {"emits": ["Price", "Quote"]}, "COMPATIBLE", "emits Quote too"),
        ("actors", ACTOR, ACTOR | {"handles": {"Quote": "block", "Trade": "block"}}, "COMPATIBLE", "handles Quote too"),
        ("actors", ACTOR, ACTOR | {"handles": {"Trade": "drop_oldest"}}, "BREAKING", "full mailbox drop_oldest a Trade"),
        ("actors", ACTOR, ACTOR | {"mailbox": {"capacity": 5}}, "COMPATIBLE", "a mailbox of capacity 5, and had capacity 9"),
        ("actors", None, ACTOR, "COMPATIBLE", "A is a new actor"),
        ("sets", SET, None, "BREAKING", "A is gone"),
        ("sets", SET, SET | {"members": ["Quote"]}, "BREAKING", "A lost Trade"),
        ("sets", SET, SET | {"members": ["Fee", "Quote", "Trade"]}, "COMPATIBLE", "A has Fee too"),
        ("sets", SET, SET | {"domain": "SIGNALS"}, "BREAKING", "is of domain SIGNALS"),
        ("routes", {"a Trade": ["b", "c"]}, {"a Trade": ["b"]}, "BREAKING", "has no Trade from a to c any more"),
        ("routes", {"a Trade": ["b"]}, {"a Trade": ["b"], "a Quote": ["b"]}, "COMPATIBLE", "has Quote from a to b now"),
        ("routes", {"a Trade": ["b"]}, None, "BREAKING", "topology A is gone: it is not among the targets"),
        ("limits", 16, 8, "BREAKING", "is 8 and was 16"),
        ("domains", [1, 19], [1, 29], "BREAKING", "is [1, 29] and was [1, 19]"),
    ],
)  # fmt: skip
def test_what_a_promise_is_worth(section: str, old: Any, new: Any, verdict: str, says: str) -> None:
    locks = [Lock(("shop",), {section: {} if facts is None else {"A": facts}}) for facts in (old, new)]
    (change,) = compare(*locks).changes
    assert change.verdict is Verdict[verdict]
    assert says in str(change)


def test_a_required_setting_breaks_only_those_who_had_the_config() -> None:
    before = Lock(("shop",), {"configs": {"FEED_SPEED": SETTING}})
    added = {"FEED_URL": {"type": "str", "config": "FeedConfig"}, "SHOP_URL": {"type": "str", "config": "ShopConfig"}}
    found = compare(before, Lock(("shop",), {"configs": {"FEED_SPEED": SETTING, **added}})).changes
    assert [str(one) for one in found] == [
        "config key FEED_URL is new and required: a service that runs without it is refused (breaking)",
        "config key SHOP_URL is new, as ShopConfig is (compatible)",
    ]


def test_an_error_with_another_parameter_cannot_be_rebuilt_by_those_built_before() -> None:
    """Why a parameter that is added breaks: a peer rebuilds the error from code and parameters."""
    sent = LockMissingError(file="contract.lock").to_dict()
    assert error_from_dict(sent) == LockMissingError(file="contract.lock")
    with pytest.raises(TypeError, match="got file, added"):
        error_from_dict(sent | {"parameters": {"file": "contract.lock", "added": 1}})


# The lock of this project -----------------------------------------------------------------------------------------


def test_this_project_keeps_what_it_promised() -> None:
    """In a process of its own: other tests declare errors and configs too."""
    done = subprocess.run(
        [sys.executable, "-m", "mycelium", "contract", "check"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    said = "if users are to bear it, say so in CHANGELOG.md and write the lock anew: make contract-lock"
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{said}"


def test_the_lock_of_this_project_has_every_market_data_message() -> None:
    from tlv.market_data import MARKET_DATA_MESSAGES

    promised = read_lock(ROOT / "contract.lock")["messages"]
    for one in MARKET_DATA_MESSAGES:
        assert promised[one.__name__]["digest"] == one.layout.digest
        assert promised[one.__name__]["type"] == one.type_id
