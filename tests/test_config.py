"""Configs: precedence, nested values, secrets, unknown names, and what is said when something is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import runpy
import string
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from typing_extensions import TypeAliasType

from mycelium.config import Config, declared_settings, describe_settings, env_template
from mycelium.config.texts import dotenv_line
from mycelium.errors import (
    ConfigDeclarationError,
    ConfigError,
    EnvFileError,
    InvalidConfigError,
    PrefixClashError,
    error_from_dict,
)

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "validated_config.py"


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Pool(BaseModel):
    fee: int = Field(30, ge=0, description="fee in basis points")
    owner: str = "nobody"
    password: SecretStr = SecretStr("")


class TestedConfig(Config, prefix="TESTED_"):
    """Settings of the actor under test."""

    __test__ = False

    window_s: float = Field(1.0, gt=0, description="seconds per bar")
    label: str = "none"
    count: int = 10
    flag: bool = False
    price: Decimal = Decimal("1.5")
    path: Path | None = None
    side: Side = Side.BUY
    level: Level = Level.LOW
    mode: Literal["fast", "exact"] = "fast"
    tags: list[str] = Field([])
    limits: dict[str, int] = Field({})
    most: int | None = 3
    pool: Pool = Pool(fee=5)
    token: SecretStr = SecretStr("the default token")


class TestedDexConfig(Config, prefix="TESTED_DEX_"):
    """Its prefix extends the other one."""

    __test__ = False

    url: str = "none"


class Keyed(Config, prefix="KEYED_"):
    """Has a required secret."""

    key: SecretStr = Field(description="access key", min_length=20)
    host: str


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, so that no .env of the developer is read."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_variables(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


def problems_of(load: Callable[[], object]) -> list[str]:
    with pytest.raises(InvalidConfigError) as caught:
        load()
    return list(caught.value.problems)


# Sources


def test_defaults_hold_when_no_source_says_anything() -> None:
    config = TestedConfig.from_env()
    assert (config.window_s, config.tags, config.pool.fee, config.side) == (1.0, [], 5, Side.BUY)


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("TESTED_WINDOW_S", "2.5", lambda config: config.window_s == 2.5),
        ("TESTED_LABEL", "a b", lambda config: config.label == "a b"),
        ("tested_label", "lower case", lambda config: config.label == "lower case"),
        ("TESTED_COUNT", "-7", lambda config: config.count == -7),
        ("TESTED_FLAG", "true", lambda config: config.flag is True),
        ("TESTED_FLAG", "no", lambda config: config.flag is False),
        ("TESTED_PRICE", "0.10", lambda config: str(config.price) == "0.10"),
        ("TESTED_PATH", "/data/in", lambda config: config.path == Path("/data/in")),
        ("TESTED_SIDE", "sell", lambda config: config.side is Side.SELL),
        ("TESTED_LEVEL", "2", lambda config: config.level is Level.HIGH),
        ("TESTED_MODE", "exact", lambda config: config.mode == "exact"),
        ("TESTED_TAGS", '["a", "b"]', lambda config: config.tags == ["a", "b"]),
        ("TESTED_LIMITS", '{"BTC": 1}', lambda config: config.limits == {"BTC": 1}),
        ("TESTED_LIMITS__BTC", "1", lambda config: config.limits == {"btc": 1}),
        ("TESTED_MOST", "5", lambda config: config.most == 5),
        ("TESTED_MOST", "null", lambda config: config.most is None),
        ("TESTED_LABEL", "null", lambda config: config.label == "null"),
        ("TESTED_POOL", '{"fee": 7}', lambda config: config.pool.fee == 7 and config.pool.owner == "nobody"),
        ("TESTED_POOL__FEE", "8", lambda config: config.pool.fee == 8),
        ("TESTED_TOKEN", "abc", lambda config: config.token.get_secret_value() == "abc"),
    ],
)
def test_a_variable_sets_a_value_of_any_type(
    env: Callable[..., None], variable: str, text: str, read: Callable[[TestedConfig], bool]
) -> None:
    env(**{variable: text})
    assert read(TestedConfig.from_env())


SOURCES = ("arguments", "environment", ".env", "section")


@dataclass
class Saying:
    """What each source says of some settings; loads a config from them."""

    by_source: Mapping[str, Mapping[str, int]]

    def load(self) -> tuple[TestedConfig, Mapping[str, str]]:
        arguments, variables, file, section = (self.by_source[source] for source in SOURCES)
        with tempfile.TemporaryDirectory() as directory, mock.patch.dict(os.environ, _variables(variables)):
            path = Path(directory, "settings.env")
            path.write_text("".join(f"{name}={value}\n" for name, value in _variables(file).items()))
            nested = _nested(section)
            config = TestedConfig.load(arguments=_nested(arguments), env_file=path, section=nested, source="demo.toml")
            rows = describe_settings(TestedConfig, env_file=path, section=nested, source="demo.toml").rows
            return config, {row.name: row.source.replace(str(path), ".env").partition(" ")[0] for row in rows}


def _variables(said: Mapping[str, int]) -> dict[str, str]:
    return {f"TESTED_{name.replace('.', '__').upper()}": str(value) for name, value in said.items()}


def _nested(said: Mapping[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in said.items():
        head, _, inner = name.partition(".")
        if inner:
            values.setdefault(head, {})[inner] = value
        else:
            values[head] = value
    return values


names = st.sampled_from(["count", "most", "pool.fee", "limits.a", "limits.b"])


@given(st.fixed_dictionaries({source: st.dictionaries(names, st.integers(0, 99)) for source in SOURCES}))
def test_the_highest_source_that_says_anything_wins_for_each_setting(by_source: dict[str, dict[str, int]]) -> None:
    config, sources = Saying(by_source).load()
    found = {"count": config.count, "most": config.most, "pool.fee": config.pool.fee}
    found |= {f"limits.{key}": value for key, value in config.limits.items()}
    defaults = {"count": 10, "most": 3, "pool.fee": 5}
    expected: dict[str, int] = dict(defaults)
    for source in reversed(SOURCES):
        expected |= by_source[source]
    assert found == expected
    for name in defaults:
        saying = [source for source in SOURCES[1:] if name in by_source[source]]  # a table has no arguments
        assert sources[name] == (saying[0] if saying else "default").replace("section", "demo.toml")


def test_the_constructor_reads_nothing_but_its_arguments(env: Callable[..., None]) -> None:
    env(TESTED_COUNT="99", TESTED_UNKNOWN="x")
    assert TestedConfig(label="here").count == 10


def test_a_nested_model_is_merged_setting_by_setting_over_the_default_instance(env: Callable[..., None]) -> None:
    env(TESTED_POOL__OWNER="me")
    assert TestedConfig.load(section={"pool": {"fee": 7}}).pool.model_dump(include={"fee", "owner"}) == {
        "fee": 7,
        "owner": "me",
    }
    assert TestedConfig.from_env().pool.fee == 5, "the default is an instance with another fee than its class"


def test_a_model_given_as_an_argument_replaces_what_lies_below(env: Callable[..., None]) -> None:
    env(TESTED_POOL__OWNER="me")
    assert TestedConfig.from_env(pool=Pool(fee=1)).pool.owner == "nobody"


def test_configs_are_frozen_and_compare_by_value() -> None:
    config = TestedConfig.from_env()
    with pytest.raises(ValidationError):
        config.count = 5  # type: ignore[misc]
    assert config == TestedConfig.from_env()
    assert pickle.loads(pickle.dumps(config)) == config


def test_variables_of_the_process_are_read_each_time(env: Callable[..., None]) -> None:
    env(TESTED_COUNT="1")
    assert TestedConfig.from_env().count == 1
    env(TESTED_COUNT="2")
    assert TestedConfig.from_env().count == 2


# The .env file


def test_a_dotenv_file_in_the_working_directory_is_read(working_directory: Path) -> None:
    (working_directory / ".env").write_text("# a comment\nexport TESTED_LABEL='a \"b\"'\nOTHER_THING=1\nEMPTY\n")
    assert TestedConfig.from_env().label == 'a "b"'
    assert TestedConfig.load(env_file=None).label == "none"


def test_a_wrong_value_names_its_line_in_the_dotenv_file(working_directory: Path) -> None:
    (working_directory / ".env").write_text("\n\n# one\nTESTED_LABEL=x\n\nTESTED_COUNT=many\n")
    [problem] = problems_of(TestedConfig.from_env)
    assert problem.startswith("TESTED_COUNT = 'many' (.env line 6): ")


def test_an_environment_file_that_is_asked_for_must_exist() -> None:
    with pytest.raises(EnvFileError, match=r"missing\.env cannot be read: No such file"):
        TestedConfig.load(env_file="missing.env")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"TESTED_COUNT=1\n\nTESTED_LABEL 2\n", "line 3 is not of the form NAME=value"),
        (b"TESTED_LABEL='open\n", "line 1 is not of the form NAME=value"),
        (b"TESTED_LABEL=\xff\xfe\n", "it is not UTF-8"),
    ],
)
def test_an_environment_file_that_cannot_be_parsed_is_refused(
    working_directory: Path, content: bytes, reason: str
) -> None:
    (working_directory / ".env").write_bytes(content)
    with pytest.raises(EnvFileError) as caught:
        TestedConfig.from_env()
    assert reason in str(caught.value)
    assert isinstance(caught.value, OSError)


def test_a_name_without_a_value_in_the_dotenv_file_sets_nothing(working_directory: Path) -> None:
    (working_directory / ".env").write_text("TESTED_LABEL\n")
    assert TestedConfig.from_env().label == "none"


# Unknown names


def test_unknown_names_are_refused_in_every_source_with_the_nearest_one(
    env: Callable[..., None], working_directory: Path
) -> None:
    env(TESTED_WINDOWS_S="2")
    (working_directory / ".env").write_text("TESTED_LABLE=x\n")
    assert problems_of(
        lambda: TestedConfig.load(arguments={"cuont": 1}, section={"prise": 2}, source="demo.toml [actors.a.config]")
    ) == [
        "there is no setting cuont (arguments): did you mean 'count'?",
        "there is no setting TESTED_WINDOWS_S (environment): did you mean 'TESTED_WINDOW_S'?",
        "there is no setting TESTED_LABLE (.env line 1): did you mean 'TESTED_LABEL'?",
        "there is no setting prise (demo.toml [actors.a.config]): did you mean 'price'?",
    ]


def test_unknown_names_inside_a_nested_model_are_refused_though_the_model_would_ignore_them(
    env: Callable[..., None],
) -> None:
    env(TESTED_POOL__FE="1")
    assert problems_of(lambda: TestedConfig.load(section={"pool": {"ownr": "x"}}, source="demo.toml")) == [
        "there is no setting TESTED_POOL__FE (environment): did you mean 'TESTED_POOL__FEE'?",
        "there is no setting pool.ownr (demo.toml): did you mean 'owner'?",
    ]


def test_a_variable_that_leads_into_a_plain_value_is_unknown(env: Callable[..., None]) -> None:
    env(TESTED_COUNT__DEEPER="1")
    [problem] = problems_of(TestedConfig.from_env)
    assert "there is no setting TESTED_COUNT__DEEPER" in problem


def test_an_unknown_name_far_from_every_other_lists_them_all() -> None:
    [problem] = problems_of(lambda: TestedDexConfig(zzzzzz=1))  # type: ignore[call-arg]
    assert problem == "there is no setting zzzzzz (arguments): settings: url"


def test_a_longer_prefix_keeps_its_variables_and_its_mistakes(env: Callable[..., None]) -> None:
    env(TESTED_DEX_URL="here", TESTED_DEX_URLL="there")
    assert TestedConfig.from_env().count == 10
    [problem] = problems_of(TestedDexConfig.from_env)
    assert "TESTED_DEX_URLL (environment): did you mean 'TESTED_DEX_URL'?" in problem


def test_the_values_of_unknown_variables_are_not_shown_since_they_may_be_secret(env: Callable[..., None]) -> None:
    env(TESTED_TOKN="hunter2")
    [problem] = problems_of(TestedConfig.from_env)
    assert "TESTED_TOKEN" in problem
    assert "hunter2" not in problem


# What an error says


def test_everything_that_is_wrong_is_told_at_once_with_variable_value_source_and_rule(
    env: Callable[..., None],
) -> None:
    env(TESTED_WINDOW_S="-1", TESTED_TAGS="a,b", TESTED_SIDE="up", TESTED_POOL='{"fee": "x"}', TESTED_LIMITS__A="?")
    error_text = "\n".join(
        problems_of(
            lambda: TestedConfig.load(
                section={"mode": "slow"}, source="demo.toml [actors.tape.config]", arguments={"price": "dear"}
            )
        )
    )
    for said in (
        "TESTED_WINDOW_S = '-1' (environment): input should be greater than 0",
        "TESTED_TAGS = 'a,b' (environment): input should be a valid list, written as JSON",
        "TESTED_SIDE = 'up' (environment): input should be 'buy' or 'sell'",
        "TESTED_POOL__FEE = 'x' (inside TESTED_POOL, environment): input should be a valid integer",
        "TESTED_LIMITS__A = '?' (environment): input should be a valid integer",
        "TESTED_MODE = 'slow' (mode in demo.toml [actors.tape.config]): input should be 'fast' or 'exact'",
        "TESTED_PRICE = 'dear' (price in arguments): input should be a valid decimal",
    ):
        assert said in error_text


def test_the_text_of_the_error_lists_the_problems_and_then_the_next_step(env: Callable[..., None]) -> None:
    env(TESTED_WINDOW_S="-1", TESTED_COUNT="x")
    with pytest.raises(InvalidConfigError) as caught:
        TestedConfig.from_env()
    first, *problems, last = str(caught.value).splitlines()
    assert first == "[CFG-001] TestedConfig: 2 problems"
    assert [problem.partition(" = ")[0] for problem in problems] == ["  - TESTED_WINDOW_S", "  - TESTED_COUNT"]
    assert "`mycelium config`" in last


def test_a_single_problem_is_one_line(env: Callable[..., None]) -> None:
    env(TESTED_COUNT="x")
    with pytest.raises(InvalidConfigError) as caught:
        TestedConfig.from_env()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ConfigError)


def test_the_error_survives_a_pickle_and_a_log(env: Callable[..., None]) -> None:
    env(TESTED_WINDOW_S="-1", TESTED_COUNT="x")
    with pytest.raises(InvalidConfigError) as caught:
        TestedConfig.from_env()
    for copy in (
        pickle.loads(pickle.dumps(caught.value)),
        error_from_dict(json.loads(json.dumps(caught.value.to_dict()))),
    ):
        assert copy == caught.value
        assert str(copy) == str(caught.value)


def test_a_missing_value_says_where_it_was_looked_for() -> None:
    assert problems_of(Keyed.from_env) == [
        "KEYED_KEY: it is required, and not set in environment, .env",
        "KEYED_HOST: it is required, and not set in environment, .env",
    ]
    assert problems_of(lambda: Keyed(host="x")) == ["KEYED_KEY: it is required"]


def test_a_place_in_a_list_is_named(env: Callable[..., None]) -> None:
    env(TESTED_TAGS='["a", 5]')
    assert problems_of(TestedConfig.from_env) == [
        "TESTED_TAGS[1] = 5 (inside TESTED_TAGS, environment): input should be a valid string"
    ]


def test_a_value_that_fits_no_member_of_a_union_is_one_problem_with_every_rule() -> None:
    class Unions(Config, prefix="UNIONS_"):
        value: int | list[int] = 0
        nested: Pool | int = 0

    [problem] = problems_of(lambda: Unions(value="x"))
    assert problem.startswith("UNIONS_VALUE = 'x' (value in arguments): input should be a valid integer")
    assert problem.endswith(", or input should be a valid list, written as JSON")
    problems = problems_of(lambda: Unions.load(section={"nested": {"fee": -1}}, source="demo.toml"))
    assert problems == [
        "UNIONS_NESTED__FEE = -1 (nested.fee in demo.toml): input should be greater than or equal to 0",
        "UNIONS_NESTED (nested in demo.toml): input should be a valid integer",
    ]


def test_a_wrong_default_is_told_as_such() -> None:
    class Wrong(Config, prefix="WRONG_"):
        count: int = Field(-1, gt=0)

    assert problems_of(Wrong.from_env) == ["WRONG_COUNT = -1 (default): input should be greater than 0"]


def test_rules_of_validators_are_given_as_they_are_worded() -> None:
    class Ruled(Config, prefix="RULED_"):
        low: int = 1
        high: int = 2

        @field_validator("low")
        @classmethod
        def _check_low(cls, low: int) -> int:
            if low == 13:
                raise AssertionError("low must\nnot be 13")
            return low

        @model_validator(mode="after")
        def _check_order(self) -> Ruled:
            if self.low > self.high:
                msg = "low must not be above high"
                raise ValueError(msg)
            return self

    assert problems_of(lambda: Ruled(low=3)) == ["the settings together: low must not be above high"]
    assert problems_of(lambda: Ruled(low=13)) == ["RULED_LOW = 13 (low in arguments): low must not be 13"]


def test_a_long_value_is_cut() -> None:
    [problem] = problems_of(lambda: TestedConfig(count="9" * 10_000 + "x"))
    assert "..." in problem
    assert len(problem) < 300


def test_json_that_is_nested_too_deeply_is_a_problem_like_any_other(env: Callable[..., None]) -> None:
    env(TESTED_TAGS="[" * 100_000)
    [problem] = problems_of(TestedConfig.from_env)
    assert "written as JSON" in problem


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*TestedConfig.model_fields, "unknown"]), json_values, max_size=4))
def test_any_section_gives_a_config_or_the_declared_error(section: dict[str, object]) -> None:
    with contextlib.suppress(InvalidConfigError):
        TestedConfig.load(section=section, env_file=None)


# Secrets


def secret_appears(error: InvalidConfigError, secret: str) -> bool:
    shown = (str(error), repr(error), json.dumps(error.to_dict()), repr(error.__context__), repr(error.__cause__))
    return any(secret in text for text in shown)


hidden = st.text(alphabet=string.ascii_uppercase + string.digits, min_size=6, max_size=11).map(lambda text: f"Z{text}Z")


def ways_to_fail(secret: str) -> Iterator[dict[str, Any]]:
    class Checked(Config, prefix="CHECKED_"):
        secret: SecretStr = SecretStr("")
        pool: Pool = Pool()
        pools: dict[str, Pool] = Field({})
        lots: list[SecretStr] = Field([])

        @field_validator("secret", mode="before")
        @classmethod
        def _check(cls, value: object) -> object:
            if value:
                msg = f"{value} is weak"
                raise ValueError(msg)
            return value

    class Together(Config, prefix="TOGETHER_"):
        secret: SecretStr = SecretStr("")

        @model_validator(mode="before")
        @classmethod
        def _check(cls, values: object) -> object:
            msg = f"cannot use {values}"
            raise ValueError(msg)

    yield {"config": Keyed, "arguments": {"key": secret, "host": "x"}}
    yield {"config": Keyed, "section": {"key": [secret], "host": "x"}}
    yield {"config": Keyed, "variables": {"KEYED_KEY": secret}}
    yield {"config": Checked, "arguments": {"secret": secret}}
    yield {"config": Checked, "variables": {"CHECKED_POOL": f'{{"password": "{secret}"'}}
    yield {"config": Checked, "section": {"pool": {"password": {"deeper": secret}}}}
    yield {"config": Checked, "section": {"pool": [secret]}}
    yield {"config": Checked, "section": {"pools": {"a": {"password": 5, "owner": 1}, "b": secret}}}
    yield {"config": Checked, "section": {"lots": [secret, 5], "pool": {"fee": -1}}}
    yield {"config": Together, "arguments": {"secret": secret}}
    yield {"config": Together, "arguments": {"secret": SecretStr(secret)}}


@given(hidden)
def test_no_error_shows_a_secret_whatever_is_wrong_with_it(secret: str) -> None:
    for way in ways_to_fail(secret):
        config = way.pop("config")
        with mock.patch.dict(os.environ, way.pop("variables", {})), pytest.raises(InvalidConfigError) as caught:
            config.load(**way)
        assert not secret_appears(caught.value, secret), way


def test_a_masked_value_still_names_variable_source_and_rule(env: Callable[..., None]) -> None:
    env(KEYED_KEY="short", KEYED_HOST="x")
    [problem] = problems_of(Keyed.from_env)
    assert problem.startswith("KEYED_KEY = ********** (environment): ")
    assert "at least 20" in problem


def test_secrets_are_masked_in_repr_rows_and_template(env: Callable[..., None]) -> None:
    env(TESTED_TOKEN="hunter2", TESTED_POOL__PASSWORD="hunter2")
    config = TestedConfig.from_env()
    described = describe_settings(TestedConfig)
    assert config.token.get_secret_value() == config.pool.password.get_secret_value() == "hunter2"
    for text in (repr(config), str(described), env_template([TestedConfig])):
        assert "hunter2" not in text
        assert "the default token" not in text


# Wrong classes


@pytest.mark.parametrize("prefix", ["", "feed_", "FEED", "FEED__", "_FEED_", "FEED-X_", 5])
def test_a_prefix_is_capitals_and_ends_with_one_underscore(prefix: str) -> None:
    with pytest.raises(ConfigDeclarationError, match="capitals that end with one underscore"):
        type("Wrong", (Config,), {}, prefix=prefix)


def test_settings_of_pydantic_on_which_loading_depends_cannot_be_changed() -> None:
    with pytest.raises(ConfigDeclarationError, match="belongs into the class statement"):
        type("Wrong", (Config,), {"model_config": SettingsConfigDict(env_prefix="WRONG_")})
    for option in ({"frozen": False}, {"extra": "ignore"}, {"case_sensitive": True}):
        with pytest.raises(ConfigDeclarationError, match="changes"):
            type("Wrong", (Config,), {"model_config": option}, prefix="WRONG_")


def test_fields_whose_variable_would_not_be_prefix_and_name_are_refused() -> None:
    with pytest.raises(ConfigDeclarationError, match="alias"):

        class Aliased(Config, prefix="ALIASED_"):
            count: int = Field(1, alias="n")

    with pytest.raises(ConfigDeclarationError, match="reads sources of its own"):

        class Outer(Config, prefix="OUTER_"):
            inner: TestedDexConfig | None = None

    class Foreign(BaseSettings):
        pass

    with pytest.raises(ConfigDeclarationError, match=r"nest a pydantic\.BaseModel"):

        class Another(Config, prefix="ANOTHER_"):
            inner: Annotated[Foreign, "x"] = Foreign()


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_field_cannot_hide_a_method() -> None:
    with pytest.raises(ConfigDeclarationError, match="hide a method"):
        type("Wrong", (Config,), {"__annotations__": {"load": int}, "load": 1, "__module__": __name__}, prefix="W_")


def declare(
    name: str, base: type[Config], prefix: str | None, module: str = __name__, **fields: object
) -> type[Config]:
    """A class as if it stood at module level: only those are known to each other."""
    namespace = {"__annotations__": dict.fromkeys(fields, int), "__module__": module, "__qualname__": name, **fields}
    keyword = {} if prefix is None else {"prefix": prefix}
    made: type[Config] = types.new_class(name, (base,), keyword, lambda body: body.update(namespace))
    return made


def test_a_prefix_belongs_to_one_class() -> None:
    declare("First", Config, "OWNED_", a=1)
    with pytest.raises(PrefixClashError, match=r"test_config\.Second: OWNED_ belongs to .*test_config\.First already"):
        declare("Second", Config, "OWNED_", b=1)


def test_a_class_whose_module_is_imported_again_may_keep_its_prefix() -> None:
    declare("Again", Config, "AGAIN_", a=1)
    assert declare("Again", Config, "AGAIN_", b=1).from_env().model_dump() == {"b": 1}


def test_one_variable_cannot_set_two_settings() -> None:
    declare("Wide", Config, "CLASH_", deep_count=1)
    with pytest.raises(PrefixClashError, match=r"CLASH_DEEP_COUNT belongs to"):
        declare("Deep", Config, "CLASH_DEEP_", count=1)
    assert declare("Deep", Config, "CLASH_DEEP_", other=1).from_env().model_dump() == {"other": 1}


def test_a_subclass_without_a_prefix_shares_the_one_of_its_parent(env: Callable[..., None]) -> None:
    parent = declare("Parent", Config, "FAMILY_", a=1)
    heir = declare("Heir", parent, None, b=2)
    env(FAMILY_A="5", FAMILY_B="6")
    assert heir.from_env().model_dump() == {"a": 5, "b": 6}
    assert parent.from_env().model_dump() == {"a": 5}, "the variable of the heir is known"


def test_a_subclass_with_its_own_prefix_has_variables_of_its_own(env: Callable[..., None]) -> None:
    parent = declare("First", Config, "ONE_", a=1)
    second = declare("Second", parent, "TWO_")
    env(ONE_A="5", TWO_A="6")
    assert (parent.from_env().model_dump(), second.from_env().model_dump()) == ({"a": 5}, {"a": 6})


def test_a_base_without_a_prefix_holds_settings_for_others_but_reads_nothing(env: Callable[..., None]) -> None:
    class Base(Config):
        input: Path | None = None

    class Heir(Base, prefix="HEIR_"):
        pass

    env(HEIR_INPUT="/data", INPUT="/elsewhere")
    assert Heir.from_env().input == Path("/data")
    assert Base(input=Path("/x")).input == Path("/x")
    assert problems_of(lambda: Base(input=5))[0].startswith("input = 5 (input in arguments): ")
    with pytest.raises(ConfigDeclarationError, match="it has no prefix"):
        Base.from_env()


# Rows and templates


def row_of(config: type[Config], name: str, **sources: Any) -> dict[str, Any]:
    return {row.name: row for row in describe_settings(config, **sources).rows}[name].to_dict()


def test_a_row_has_everything_that_a_user_asks_about_a_setting(env: Callable[..., None]) -> None:
    env(TESTED_WINDOW_S="2.5")
    assert row_of(TestedConfig, "window_s") == {
        "name": "window_s",
        "variable": "TESTED_WINDOW_S",
        "type": "float > 0",
        "default": "1.0",
        "current": "2.5",
        "source": "environment",
        "description": "seconds per bar",
        "secret": False,
    }


def test_nested_models_have_a_row_for_each_of_their_settings(working_directory: Path) -> None:
    (working_directory / ".env").write_text("TESTED_POOL__OWNER=me\n")
    rows = {row.name: (row.default, row.current, row.source) for row in describe_settings(TestedConfig).rows}
    assert rows["pool.fee"] == ("5", "5", "default")
    assert rows["pool.owner"] == ("nobody", "me", ".env line 1")
    assert "pool" not in rows


def test_rows_show_wrong_and_missing_values_as_they_are(env: Callable[..., None]) -> None:
    env(TESTED_COUNT="many", TESTED_TOKEN="")
    described = describe_settings(TestedConfig)
    assert [row.current for row in described.rows if row.name == "count"] == ["many"]
    assert [problem.partition(" = ")[0] for problem in described.problems] == ["TESTED_COUNT"]
    assert row_of(Keyed, "key") == row_of(Keyed, "key") | {"default": None, "current": None, "source": "not set"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("side", "buy | sell"),
        ("level", "1 | 2"),
        ("mode", "fast | exact"),
        ("path", "Path | null"),
        ("limits", "dict[str, int]"),
        ("token", "str"),
        ("pool.fee", "int >= 0"),
    ],
)
def test_types_are_shown_as_a_user_writes_their_values(name: str, text: str) -> None:
    assert {row.name: row.type for row in declared_settings(TestedConfig)}[name] == text


def test_the_rows_of_optional_and_computed_settings() -> None:
    class Odd(Config, prefix="ODD_"):
        pool: Pool | None = None
        made: list[int] = Field(default_factory=lambda: [1, 2])
        pair: tuple[int, ...] = Field((), max_length=2)

    rows = {row.name: (row.type, row.default) for row in declared_settings(Odd)}
    assert rows == {
        "pool": ("JSON object | null", "null"),
        "made": ("list[int]", "[1, 2]"),
        "pair": ("tuple[int, ...], length <= 2", "[]"),
    }
    given_pool = {row.name: row.current for row in describe_settings(Odd, section={"pool": {"fee": 1}}).rows}
    assert given_pool["pool.fee"] == "1"


@dataclass
class Point:
    x: int = 0


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")


class Named(BaseModel):
    number: Annotated[int, Field(validation_alias=AliasChoices("n", "no"))] = 0


class Leaf(BaseModel):
    below: Leaf | None = None
    secret: SecretStr | None = None


Alias = TypeAliasType("Alias", list[Leaf] | Annotated[int, "doc"])


class OddConfig(Config, prefix="ODDLY_"):
    """Annotations that are seldom seen in configs."""

    anything: Any = None
    point: Point = Point()
    loose: Loose = Loose()
    named: Named = Named()
    alias: Alias = 0
    bare: list = Field([])  # type: ignore[type-arg]
    mixed: tuple[int, dict[str, Pool]] | None = None
    secrets: dict[str, SecretStr] = Field({})
    shown: set[bytes] = Field(set())
    computed: str = Field(default_factory=lambda others: f"{others['anything']}!")


def test_odd_annotations_take_their_values_and_refuse_what_has_no_place(env: Callable[..., None]) -> None:
    env(ODDLY_NAMED__N="5", ODDLY_LOOSE__ANY="x", ODDLY_POINT='{"x": 3}', ODDLY_ALIAS='[{"below": {}}]')
    section = {"anything": {"a": [1]}, "bare": [{"b": 1}], "mixed": [1, {"p": {"fee": 2}}], "shown": ["a"]}
    config = OddConfig.load(section=section)
    assert (config.named.number, config.point.x, config.loose.model_extra) == (5, 3, {"any": "x"})
    assert isinstance(config.alias, list)
    assert config.mixed is not None
    assert config.mixed[1]["p"].fee == 2
    wrong = {"mixed": [1, {"p": {"fe": 2}}], "alias": [{"belw": {}}], "secrets": {"a": {"deep": "hidden"}}}
    problems = problems_of(lambda: OddConfig.load(section=wrong, source="odd.toml"))
    assert problems == [
        "there is no setting mixed[1].p.fe (odd.toml): did you mean 'fee'?",
        "there is no setting alias[0].belw (odd.toml): did you mean 'below'?",
        "ODDLY_SECRETS__A (secrets.a in odd.toml): input should be a valid string",
    ]


def test_odd_annotations_have_rows() -> None:
    rows = {row.name: (row.type, row.default, row.secret) for row in declared_settings(OddConfig)}
    assert rows["secrets"] == ("dict[str, str]", "{}", True)
    assert rows["alias"] == ("list[JSON object] | int", "**********", True)
    assert rows["computed"] == ("str", "(computed)", False)
    assert "#ODDLY_COMPUTED=\n" in env_template([OddConfig])


def test_a_template_describes_each_variable_and_leaves_secrets_and_required_ones_empty() -> None:
    text = env_template([TestedConfig, Keyed])
    assert text.startswith("# TestedConfig: Settings of the actor under test.\n")
    assert "# seconds per bar\n# float > 0\n#TESTED_WINDOW_S=1.0\n" in text
    assert "# access key\n# str, length >= 20, required, secret\n#KEYED_KEY=\n" in text


def test_a_template_with_every_line_put_in_force_changes_nothing(working_directory: Path) -> None:
    text = env_template([TestedConfig])
    lines = [line[1:] for line in text.splitlines() if line.startswith("#TESTED_")]
    assert len(lines) == len(declared_settings(TestedConfig))
    filled = "\n".join("TESTED_TOKEN='the default token'" if line == "TESTED_TOKEN=" else line for line in lines)
    (working_directory / ".env").write_text(filled)
    assert TestedConfig.from_env() == TestedConfig()


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$"), max_size=20)
any_config = st.builds(
    TestedConfig,
    window_s=st.floats(0, exclude_min=True, allow_infinity=False),
    label=printable | st.text("\\'\"# \n\t`=", max_size=8),
    count=st.integers(-(10**18), 10**18),
    flag=st.booleans(),
    price=st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
    path=st.none() | printable.map(lambda name: Path("/") / name.replace("/", "-")),
    side=st.sampled_from(Side),
    level=st.sampled_from(Level),
    mode=st.sampled_from(["fast", "exact"]),
    tags=st.lists(printable),
    limits=st.dictionaries(printable, st.integers(0, 9)),
    most=st.none() | st.integers(),
    pool=st.builds(Pool, fee=st.integers(0, 9), owner=printable),
)


@given(any_config)
def test_what_a_row_shows_can_be_written_into_the_environment_or_a_dotenv_file(config: TestedConfig) -> None:
    given_values = {name: getattr(config, name) for name in TestedConfig.model_fields}
    rows = [row for row in describe_settings(TestedConfig, section=given_values).rows if not row.secret]
    variables = {row.variable: row.current or "" for row in rows}
    with mock.patch.dict(os.environ, variables):
        assert TestedConfig.load(env_file=None) == config
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "settings.env")
        path.write_text("".join(f"{dotenv_line(name, text)}\n" for name, text in variables.items()))
        assert TestedConfig.load(env_file=path) == config


def test_the_example_shows_who_wins_what_is_wrong_and_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    shown = capsys.readouterr().out
    for said in (
        "mode='live'",
        "retry=Retry(attempts=5, pause_s=0.1)",
        "[CFG-001] GatewayConfig: 6 problems",
        "did you mean 'GATEWAY_RETRY__ATTEMPTS'?",
        "order_max (50) is above position_max (10)",
        "#GATEWAY_SYMBOLS='[\"BTCUSDT\"]'",
    ):
        assert said in shown
    assert "correct horse" not in shown
    assert "short" not in shown


def test_the_page_on_configs_begins_with_a_program_that_runs() -> None:
    page = (EXAMPLE.parent.parent / "docs" / "configs.md").read_text()
    program = page.partition("```python\n")[2].partition("```")[0] + "\nprint(config)"
    variables = {**os.environ, "GATEWAY_HOST": "10.0.0.7", "GATEWAY_TOKEN": "correct horse"}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("host='10.0.0.7' token=SecretStr('**********')"), done.stderr
