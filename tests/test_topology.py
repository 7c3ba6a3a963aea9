"""Topologies: the file and the Python form, the wiring, and every way in which one can be wrong."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mycelium import Actor, handles
from mycelium.errors.topology import (
    DuplicateNameError,
    TopologyError,
    TopologyFileError,
    TopologyRefusedError,
    TopologySyntaxError,
)
from mycelium.topology import ActorSpec, DispatcherSpec, ResolvedTopology, Topology, resolve
from mycelium.topology.overrides import merge_overrides, read_override
from mycelium.topology.wiring import wiring_dict, wiring_text
from tests.topology_actors import Board, Echo, Masked, Tape, TapeConfig, Tick, Ticker, TickerConfig

GOOD = """
[topology]
name = "demo"
profile = "made"
input_profile = "read"

[[venues]]
id = 1
name = "binance:BTCUSDT"
exchange = "binance"
symbol = "BTCUSDT"

[actors.ticker]
class = "tests.topology_actors:Ticker"
profile = "made"
[actors.ticker.config]
count = 7

[actors.reader]
class = "tests.topology_actors:Ticker"
profile = ["read", "live"]

[actors.tape]
class = "tests.topology_actors:Tape"
from = ["ticker", "reader"]
[actors.tape.config]
window_s = 2.5

[actors.board]
class = "tests.topology_actors:Board"
"""


@pytest.fixture(autouse=True)
def _away_from_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str) -> str:
    Path("demo.toml").write_text(dedent(text))
    return "demo.toml"


def checked(text: str, **options: object) -> ResolvedTopology:
    return resolve(Topology.load(written(text)), **options)  # type: ignore[arg-type]


def problems(text: str, **options: object) -> list[str]:
    """What is said about a wrong file, a line a problem."""
    with pytest.raises(TopologyRefusedError) as refused:
        checked(text, **options)
    lines = str(refused.value).splitlines()
    found = len(refused.value.problems)
    assert lines[0] == (
        f"[TOP-003] demo.toml has {found} problem{'s' * (found != 1)}; correct each of them, then start it again:"
    )
    assert len(refused.value.problems) == len([line for line in lines[1:] if line.startswith("  [")])
    return [line.removeprefix("  ") for line in lines[1:]]


def test_a_file_becomes_actors_configs_venues_and_routes() -> None:
    resolved = checked(GOOD)
    assert (resolved.name, resolved.profile) == ("demo", "made")
    assert list(resolved.actors) == ["ticker", "tape", "board"]
    ticker, tape = resolved.actors["ticker"].config, resolved.actors["tape"].config
    assert isinstance(ticker, TickerConfig)
    assert ticker.count == 7
    assert isinstance(tape, TapeConfig)
    assert tape.window_s == 2.5
    assert resolved.actors["board"].config is None
    assert resolved.venues.by_id(1).name == "binance:BTCUSDT"
    assert [(edge.sender, edge.message.__name__, edge.receiver) for edge in resolved.plan.edges] == [
        ("ticker", "Tick", "tape"),
        ("tape", "Price", "board"),
    ]
    assert resolved.stop_order == ("ticker", "tape", "board")
    assert resolved.start_order == ("board", "tape", "ticker")
    assert resolved.warnings == ()


def test_the_python_form_is_the_same_model() -> None:
    built = Topology(
        name="demo",
        profile="made",
        input_profile="read",
        actors={
            "ticker": ActorSpec(actor_class="tests.topology_actors:Ticker", profile=("made",), config={"count": 7}),
            "reader": ActorSpec(actor_class="tests.topology_actors:Ticker", profile=("read", "live")),
            "tape": ActorSpec(
                actor_class="tests.topology_actors:Tape", listens_to=("ticker", "reader"), config={"window_s": 2.5}
            ),
            "board": "tests.topology_actors:Board",
        },
        venues=[{"id": 1, "name": "binance:BTCUSDT", "exchange": "binance", "symbol": "BTCUSDT"}],
    )
    loaded = Topology.load(written(GOOD))
    assert built.model_dump() == loaded.model_dump()
    assert built.profiles == loaded.profiles == ("made", "read", "live")
    assert resolve(built).plan == resolve(loaded).plan


def test_classes_and_config_objects_can_be_given_as_they_are() -> None:
    config = TapeConfig(window_s=9)
    topology = Topology(name="x", actors={"tape": ActorSpec(actor_class=Tape, config=config), "board": Board})
    resolved = resolve(topology)
    assert resolved.actors["tape"].config is config
    assert topology.actors["tape"].path == "tests.topology_actors:Tape"
    assert topology.file == "topology 'x'"


def test_the_name_of_a_topology_is_by_default_that_of_its_file() -> None:
    assert checked('[actors.board]\nclass = "tests.topology_actors:Board"').name == "demo"


def test_a_profile_chooses_its_actors_and_those_without_one() -> None:
    assert list(checked(GOOD, profile="live").actors) == ["reader", "tape", "board"]


def test_input_chooses_its_profile_and_goes_to_every_config_that_takes_it() -> None:
    resolved = checked(GOOD, input="some/where", speed="1x")
    assert resolved.profile == "read"
    reader = resolved.actors["reader"].config
    assert isinstance(reader, TickerConfig)
    assert (reader.input, reader.speed, reader.count) == ("some/where", "1x", 100)


def test_overrides_win_and_may_be_lists() -> None:
    resolved = checked(GOOD, overrides=["tape.window_s=0.5", "tape.window_s=4", 'tape.names=["a", "b"]'])
    tape = resolved.actors["tape"].config
    assert isinstance(tape, TapeConfig)
    assert (tape.window_s, tape.names) == (4.0, ["a", "b"])


def test_deeper_keys_have_more_dots_and_the_last_override_wins() -> None:
    given = ["pool.fee.ppm=500", 'pool.fee={"unit": "ppm"}', "pool.fee.ppm=3000", "pool.name=x=y"]
    overrides = [read_override(one, ["pool"]) for one in given]
    assert merge_overrides(overrides) == {"fee": {"unit": "ppm", "ppm": "3000"}, "name": "x=y"}
    assert merge_overrides([*overrides[:2], read_override("pool.fee=7", ["pool"]), overrides[0]]) == {
        "fee": {"ppm": "500"}
    }


def test_from_narrows_and_circles_are_allowed() -> None:
    topology = Topology(
        name="ring",
        actors={
            "a": ActorSpec(actor_class=Echo, listens_to=("c", "ticker")),
            "b": ActorSpec(actor_class=Echo, listens_to="a"),
            "c": ActorSpec(actor_class=Echo, listens_to=("b",)),
            "ticker": Ticker,
        },
    )
    plan = resolve(topology).plan
    assert plan.cycles == (("a", "b", "c"),)
    assert [(edge.sender, edge.receiver) for edge in plan.edges] == [
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("ticker", "a"),
    ]
    assert plan.upstream_first == ("ticker", "a", "b", "c")


def test_an_unknown_key_is_told_with_the_keys_of_its_own_section() -> None:
    told = problems("""
        [actors.tape]
        class = "tests.topology_actors:Tape"
        [actors.tape.mailbox]
        overflw = "block"
    """)
    assert told == [
        "[TOP-011] demo.toml: [actors.tape] mailbox: there is no key 'overflw' here; did you mean 'overflow'?"
    ]


def test_a_name_that_would_break_the_line_is_told_in_quotes() -> None:
    (told,) = problems('[actors."a\\nb"]\nclass = "tests.topology_actors:Tape"')
    assert told.startswith('[TOP-010] demo.toml: [actors."a\\nb"]: ')
    assert "\n" not in told


class Beats(Actor, receives=Tick):
    """Brings its message to itself."""

    def on_start(self) -> None:
        self.timers.every(1.0, Tick(number=1))

    @handles
    def on_tick(self, tick: Tick) -> None: ...


class Forgotten(Actor, receives=Tick):
    """Has a timer, but not for this."""

    def on_start(self) -> None:
        self.timers.once(1.0, "beat")

    @handles
    def on_tick(self, tick: Tick) -> None: ...


def test_what_an_actor_brings_to_itself_is_not_missed() -> None:
    assert resolve(Topology(name="demo", actors={"beats": Beats})).warnings == ()
    (warning,) = resolve(Topology(name="demo", actors={"forgotten": Forgotten})).warnings
    assert warning.code == "TOP-021"


def test_messages_without_sender_or_receiver_are_warnings() -> None:
    text = """
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        [actors.board]
        class = "tests.topology_actors:Board"
    """
    assert [str(warning) for warning in checked(text).warnings] == [
        (
            "[TOP-020] demo.toml: [actors.ticker]: Tick is emitted and nobody receives it; "
            "add an actor that receives Tick, or take it out of emits="
        ),
        (
            "[TOP-021] demo.toml: [actors.board]: Price is received and nobody emits it; "
            "add an actor that emits Price, or put it into ignores=; what is told or asked by refs may stay so"
        ),
    ]
    assert problems(text, strict=True) == [
        (
            "[TOP-020] demo.toml: [actors.ticker]: Tick is emitted and nobody receives it; "
            "add an actor that receives Tick, or take it out of emits="
        ),
    ]


def test_everything_wrong_is_told_at_once() -> None:
    text = """
        colour = "red"
        [topology]
        nmae = "demo"
        [[venues]]
        id = 0
        name = "x"
        [actors.ticker]
        class = "tests.topology_actors:Tiker"
        [actors.tape]
        class = "tests.topology_actors:Tape"
        from = ["tikcer"]
        [actors.tape.config]
        windw_s = 2.0
        [actors.board]
        klass = "tests.topology_actors:Board"
    """
    said = problems(text)
    assert [line.split("]")[0] + "]" for line in said] == [
        "[TOP-011]",
        "[TOP-011]",
        "[TOP-010]",
        "[TOP-010]",
        "[TOP-011]",
        "[TOP-014]",
        "[CFG-001]",
        "[TOP-017]",
    ]
    assert (
        said[0]
        == "[TOP-011] demo.toml: the file: there is no key 'colour' here; sections: actors, dispatchers, nodes, supervisors, topology, venues"
    )
    assert said[1] == "[TOP-011] demo.toml: [topology]: there is no key 'nmae' here; did you mean 'name'?"


def test_dispatchers_are_declared_and_actors_placed_on_them() -> None:
    text = """
        [dispatchers.slow]
        workers = 2
        throughput = 10
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        [actors.tape]
        class = "tests.topology_actors:Tape"
        dispatcher = "slow"
        [actors.board]
        class = "tests.topology_actors:Board"
        dispatcher = "pinned"
    """
    resolved = resolve(Topology.load(written(text)))
    assert resolved.dispatchers == {"slow": DispatcherSpec(workers=2, throughput=10)}
    assert {name: actor.dispatcher for name, actor in resolved.actors.items()} == {
        "ticker": "",
        "tape": "slow",
        "board": "pinned",
    }


def test_wrong_dispatchers_are_told() -> None:
    text = """
        [dispatchers.pinned]
        [dispatchers.slow]
        workers = 0
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        dispatcher = "slow"
        [actors.tape]
        class = "tests.topology_actors:Tape"
        dispatcher = "solw"
    """
    said = problems(text)
    assert len(said) == 4
    assert "[dispatchers.pinned]: 'pinned' means a thread for one actor" in said[0]
    assert "[dispatchers.slow] workers: Input should be greater than or equal to 1, got 0" in said[1]
    assert "[actors.ticker] dispatcher: a source that waits while it produces runs on 'pinned' only" in said[2]
    assert "[actors.tape] dispatcher: there is no dispatcher 'solw'; did you mean 'slow'?" in said[3]


def test_an_event_loop_has_a_name_of_its_own() -> None:
    text = """
        [dispatchers.feeds]
        kind = "asyncio"
        throughput = 10
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        [actors.tape]
        class = "tests.topology_actors:Tape"
        dispatcher = "feeds"
    """
    resolved = resolve(Topology.load(written(text)))
    assert resolved.dispatchers == {"feeds": DispatcherSpec(kind="asyncio", throughput=10)}


def test_event_loops_that_cannot_be_are_told() -> None:
    text = """
        [dispatchers.asyncio]
        kind = "threads"
        [dispatchers.default]
        kind = "asyncio"
        [dispatchers.feeds]
        kind = "asyncio"
        workers = 2
        [dispatchers.fast]
        kind = "uvloop"
        [actors.ticker]
        class = "tests.topology_actors:Ticker"
        dispatcher = "feeds"
    """
    said = problems(text)
    assert "[dispatchers.fast] kind: Input should be 'threads' or 'asyncio', got 'uvloop'" in said[0]
    assert "[dispatchers.asyncio] kind: 'asyncio' is built in, and is 'asyncio', got 'threads'" in said[1]
    assert "[dispatchers.default] kind: 'default' is built in, and is 'threads', got 'asyncio'" in said[2]
    assert "[dispatchers.feeds] workers: an event loop has one thread, got 2" in said[3]
    assert "a source that waits while it produces runs on 'pinned' only, got 'feeds'" in said[4]
    assert len(said) == 5


GOLDEN = [
    (
        "venue",
        '[[venues]]\nid = 0\nname = "x"\n[actors.board]\nclass = "tests.topology_actors:Board"',
        "[TOP-010] demo.toml: [[venues]] no. 1 id: Input should be greater than or equal to 1, got 0; correct this key in the file",
    ),
    (
        "venue key",
        '[[venues]]\nid = 1\nname = "x"\nadress = ""\n[actors.board]\nclass = "tests.topology_actors:Board"',
        "[TOP-011] demo.toml: [[venues]] no. 1: there is no key 'adress' here; did you mean 'address'?",
    ),
    (
        "venues as a table",
        '[venues]\nid = 1\n[actors.board]\nclass = "tests.topology_actors:Board"',
        "[TOP-010] demo.toml: [[venues]]: write each venue under a heading [[venues]]; correct this key in the file",
    ),
    (
        "venue twice",
        '[[venues]]\nid = 1\nname = "x"\n[[venues]]\nid = 2\nname = "x"\n[actors.board]\nclass = "tests.topology_actors:Board"',
        "[TOP-004] demo.toml: [[venues]]: name 'x' is there twice (no. 1 and no. 2); rename or remove one of the two",
    ),
    (
        "missing class",
        "[actors.board]\nprofile = 'x'",
        "[TOP-010] demo.toml: [actors.board] class: this key is missing; correct this key in the file",
    ),
    (
        "class without a colon",
        "[actors.board]\nclass = 'tests.topology_actors.Board'",
        "[TOP-010] demo.toml: [actors.board] class: 'tests.topology_actors.Board' is no import path like 'package.module:Class'; correct this key in the file",
    ),
    (
        "class of another kind",
        "[actors.board]\nclass = 3",
        "[TOP-010] demo.toml: [actors.board] class: 3 is no import path like 'package.module:Class'; correct this key in the file",
    ),
    (
        "unknown key",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nform = []",
        "[TOP-011] demo.toml: [actors.board]: there is no key 'form' here; did you mean 'from'?",
    ),
    (
        "from of another kind",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nfrom = 3",
        "[TOP-010] demo.toml: [actors.board] from: a list is expected, in brackets: write [...], got 3; correct this key in the file",
    ),
    (
        "an actor that is no section",
        "[actors]\nboard = 3",
        "[TOP-010] demo.toml: [actors.board]: a section is expected here, got 3; correct this key in the file",
    ),
    (
        "name of an actor",
        "[actors.'my board']\nclass = 'tests.topology_actors:Board'",
        "[TOP-010] demo.toml: [actors.\"my board\"]: 'my board' is no name for an actor: begin with a letter, go on with letters, digits, _ and -; correct this key in the file",
    ),
    (
        "unknown module",
        "[actors.board]\nclass = 'tests.topology_actor:Board'",
        "[TOP-012] demo.toml: [actors.board] class: there is no module 'tests.topology_actor'; did you mean 'tests.topology_actors'?",
    ),
    (
        "unknown package",
        "[actors.board]\nclass = 'nowhere.at.all:Board'",
        "[TOP-012] demo.toml: [actors.board] class: there is no module 'nowhere'; run this where the package 'nowhere' is, or install it",
    ),
    (
        "unknown class",
        "[actors.board]\nclass = 'tests.topology_actors:Bored'",
        "[TOP-014] demo.toml: [actors.board] class: 'tests.topology_actors' has no class 'Bored'; did you mean 'Board'?",
    ),
    (
        "class that is no actor",
        "[actors.board]\nclass = 'tests.topology_actors:NotAnActor'",
        "[TOP-015] demo.toml: [actors.board] class: 'tests.topology_actors:NotAnActor' is no mycelium.Actor; name a class that inherits from mycelium.Actor",
    ),
    (
        "config that is not taken",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\n[actors.board.config]\nx = 1",
        "[TOP-016] demo.toml: [actors.board.config]: Board takes no config; remove the section, or give Board.__init__ a config parameter with a Config annotation",
    ),
    (
        "config that is no section",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nconfig = 3",
        "[TOP-010] demo.toml: [actors.board.config]: a config is a section of keys and values, got 3; correct this key in the file",
    ),
    (
        "unknown sender",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nfrom = ['bord']",
        "[TOP-017] demo.toml: [actors.board] from: there is no actor 'bord'; did you mean 'board'?",
    ),
    (
        "useless sender",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nfrom = ['ticker']\n[actors.ticker]\nclass = 'tests.topology_actors:Ticker'",
        "[TOP-018] demo.toml: [actors.board] from: ticker emits nothing that board receives (it emits Tick; board takes Price); remove ticker from this list, or name an actor that emits what board takes",
    ),
    (
        "two messages with one type id",
        "[actors.tape]\nclass = 'tests.topology_actors:Tape'\n[actors.masked]\nclass = 'tests.topology_actors:Masked'",
        "[TOP-019] demo.toml: [actors.masked] class: tests.topology_actors.Tick and tests.topology_actors.Impostor both have type id 1000; give one of them another type id",
    ),
    (
        "profile of the file",
        "[topology]\nprofile = 'simulated'\n[actors.board]\nclass = 'tests.topology_actors:Board'\nprofile = 'simulate'",
        "[TOP-022] demo.toml: no actor has the profile 'simulated'; did you mean 'simulate'?",
    ),
    (
        "no actors",
        "[topology]\nname = 'demo'",
        "[TOP-023] demo.toml: it has no actors; add an [actors.NAME] section with the class of an actor",
    ),
    (
        "no profile chosen",
        "[actors.board]\nclass = 'tests.topology_actors:Board'\nprofile = 'x'",
        "[TOP-023] demo.toml: every actor belongs to a profile, and none was chosen; add an [actors.NAME] section with the class of an actor",
    ),
    (
        "actors that are no sections",
        "actors = 3",
        "[TOP-010] demo.toml: [actors]: write each actor under a heading [actors.NAME]; correct this key in the file",
    ),
]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_a_wrong_topology_names_file_key_and_what_to_do(text: str, said: str) -> None:
    assert problems(text) == [said]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"profile": "mad"},
            "[TOP-022] demo.toml: no actor has the profile 'mad'; did you mean 'made'?",
        ),
        (
            {"overrides": ["tape.window_s"]},
            (
                "[TOP-024] --set 'tape.window_s': this is not actor.key=value; "
                "write --set actor.key=value; actors: ticker, tape, board"
            ),
        ),
        (
            {"overrides": ["tap.window_s=1"]},
            "[TOP-024] --set 'tap.window_s=1': no actor 'tap' runs; write --set actor.key=value; did you mean 'tape'?",
        ),
        (
            {"overrides": ["tape.windw_s=1"]},
            (
                "[TOP-024] --set 'tape.windw_s=1': tape has no config key 'windw_s'; "
                "write --set actor.key=value; did you mean 'window_s'?"
            ),
        ),
        (
            {"overrides": ["tape.names=[1,"]},
            (
                "[TOP-024] --set 'tape.names=[1,': the value is no JSON: Expecting value: line 1 column 4 (char 3); "
                "write --set actor.key=value; write lists and tables as JSON"
            ),
        ),
    ],
)
def test_a_wrong_option_says_what_would_be_right(options: dict[str, object], said: str) -> None:
    assert problems(GOOD, **options) == [said]


def test_input_and_speed_need_an_actor_that_takes_them() -> None:
    text = '[actors.board]\nclass = "tests.topology_actors:Board"'
    assert problems(text, input="data", speed="1x") == [
        (
            "[TOP-025] demo.toml: no actor of profile 'none' takes --input (a config key called 'input'); "
            "choose another profile, or leave --input out"
        ),
        (
            "[TOP-025] demo.toml: no actor of profile 'none' takes --speed (a config key called 'speed'); "
            "choose another profile, or leave --speed out"
        ),
    ]


def test_a_wrong_config_value_names_section_key_and_rule() -> None:
    said = problems(
        "[actors.tape]\nclass = 'tests.topology_actors:Tape'\n[actors.tape.config]\nwindow_s = -1\nnmaes = []"
    )
    text = "\n".join(said)
    assert text.startswith("[CFG-001] TapeConfig: ")
    assert "demo.toml [actors.tape.config]" in text
    assert "window_s" in text
    assert "greater than 0" in text
    assert "did you mean 'names'" in text


def test_a_config_of_the_wrong_class_is_refused() -> None:
    spec = ActorSpec(actor_class=Tape, config=TickerConfig())
    with pytest.raises(TopologyRefusedError, match="Tape takes a TapeConfig, got TickerConfig"):
        resolve(Topology(name="x", actors={"tape": spec}))


def test_a_module_that_fails_to_import_is_told_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("breaks_on_import.py").write_text("raise RuntimeError('not today')\n")
    Path("needs_another.py").write_text("import surely_not_installed\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    text = """
        [actors.a]
        class = "breaks_on_import:A"
        [actors.b]
        class = "needs_another:B"
    """
    assert problems(text) == [
        (
            "[TOP-013] demo.toml: [actors.a] class: 'breaks_on_import' fails to import: RuntimeError: not today; "
            "mend the module; --debug shows where it fails"
        ),
        (
            "[TOP-013] demo.toml: [actors.b] class: 'needs_another' fails to import: "
            "No module named 'surely_not_installed'; mend the module; --debug shows where it fails"
        ),
    ]


def test_the_causes_are_kept_for_a_traceback() -> None:
    with pytest.raises(TopologyRefusedError) as refused:
        checked("[actors.board]\nclass = 'tests.topology_actors:Bored'\nfrom = ['x']")
    assert isinstance(refused.value.__cause__, ExceptionGroup)
    assert [problem.code for problem in refused.value.problems] == ["TOP-014"]
    copy = TopologyRefusedError(**refused.value.values)
    assert copy == refused.value
    assert copy.problems == ()


def test_what_is_not_toml_names_line_and_column() -> None:
    with pytest.raises(TopologySyntaxError, match=r"\[TOP-002\] demo.toml is not TOML: .*line 2, column"):
        checked("[topology]\nname = = 3")
    Path("demo.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TopologySyntaxError, match="it is not text"):
        Topology.load("demo.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[actors.a]\nclass = 'x:Y'\n[actors.a]\nclass = 'x:Z'",
            "[TOP-004] demo.toml: sections: [actors.a] is there twice (line 3); rename or remove one of the two",
        ),
        (
            "[actors.a]\nclass = 'x:Y'\nclass = 'x:Z'\n[actors.b]",
            "[TOP-004] demo.toml: [actors.a]: 'class' is there twice (line 3); rename or remove one of the two",
        ),
        (
            "[actors.a]\nclass = 'x:Y'\nclass = 'x:Z'",
            "[TOP-004] demo.toml: [actors.a]: 'class' is there twice (line 3); rename or remove one of the two",
        ),
    ],
)
def test_two_of_one_name_are_told_with_their_line(text: str, said: str) -> None:
    with pytest.raises(DuplicateNameError) as refused:
        checked(text)
    assert str(refused.value) == said


def test_a_missing_file_and_a_directory_are_declared_errors() -> None:
    with pytest.raises(TopologyFileError, match=r"\[TOP-001\] cannot read the topology nothing.toml: No such file"):
        Topology.load("nothing.toml")
    with pytest.raises(TopologyFileError, match="Is a directory"):
        Topology.load(".")


def test_wrong_python_forms_are_refused_the_same_way() -> None:
    with pytest.raises(TopologyRefusedError, match="'my board' is no name for an actor"):
        Topology(name="x", actors={"my board": Board})
    with pytest.raises(TopologyRefusedError, match=r"\[actors.a\] class: int is no mycelium.Actor"):
        Topology(name="x", actors={"a": int})  # type: ignore[dict-item]
    with pytest.raises(TopologyRefusedError, match="id 1 is there twice"):
        Topology(name="x", actors={"a": Board}, venues=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}])
    with pytest.raises(TopologyError, match="both have type id 1000"):
        resolve(Topology(name="x", actors={"tape": Tape, "masked": Masked}))


def test_the_wiring_is_shown_as_text_and_as_data() -> None:
    resolved = checked(GOOD)
    assert wiring_text(resolved).splitlines() == [
        "demo (profile made): 3 actors, in the order in which they start",
        "",
        "board  tests.topology_actors:Board",
        "",
        "tape  tests.topology_actors:Tape",
        "  Price -> board",
        "",
        "ticker  tests.topology_actors:Ticker",
        "  Tick -> tape",
        "",
        "venues",
        "     1  binance:BTCUSDT",
    ]
    told = wiring_dict(resolved)
    assert told["actors"][2]["sends"] == {Tick.__name__: ["tape"]}
    assert told["venues"][0]["symbol"] == "BTCUSDT"
