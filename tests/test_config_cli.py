"""`mycelium config`: what can be named, what is shown, the template, and what is refused."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli

NUMBERS = itertools.count()

SETTINGS = '''
"""Settings of the shop."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from mycelium.config import Config


class Till(BaseModel):
    coins: int = Field(0, ge=0, description="coins [in the till]")


class ShopConfig(Config, prefix="{name}_SHOP_"):
    """What the shop sells."""

    hours: float = Field(8.0, gt=0, description="hours a day")
    key: SecretStr = SecretStr("under the mat")
    till: Till = Till()


class DoorConfig(Config, prefix="{name}_DOOR_"):
    """Who may come in."""

    width: int


class Base(Config):
    pass
'''

ACTORS = """
from __future__ import annotations

from mycelium import Actor
from {name}.settings import DoorConfig, ShopConfig


class Shop(Actor):
    def __init__(self, config: ShopConfig) -> None:
        super().__init__()


class Door(Actor):
    def __init__(self, config: DoorConfig) -> None:
        super().__init__()


class Cat(Actor):
    pass
"""

TOPOLOGY = """
[actors.shop]
class = "{name}.actors:Shop"
[actors.shop.config]
hours = 2.5
[actors.other]
class = "{name}.actors:Shop"
[actors.door]
class = "{name}.actors:Door"
[actors.door.config]
width = 90
[actors.cat]
class = "{name}.actors:Cat"
"""


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of its own in the working directory of each test, since one prefix belongs to one class."""
    package = f"shop{next(NUMBERS)}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "settings.py").write_text(SETTINGS.format(name=package.upper()))
    (folder / "actors.py").write_text(ACTORS.format(name=package))
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "empty.py").touch()
    (tmp_path / "shop.toml").write_text(TOPOLOGY.format(name=package))
    (tmp_path / "cats.toml").write_text(f'[actors.cat]\nclass = "{package}.actors:Cat"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield package
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        del sys.modules[module]


@pytest.fixture
def variable(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    return lambda variable, value: monkeypatch.setenv(f"{name.upper()}_{variable}", value)


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["config", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_a_class_is_shown_with_variable_type_default_current_source_and_description(
    name: str, variable: Callable[[str, str], None]
) -> None:
    variable("SHOP_HOURS", "7.5")
    output = run(f"{name}.settings:ShopConfig").stdout
    assert output.startswith(f"ShopConfig ({name}.settings)")
    [line] = [line for line in output.splitlines() if "SHOP_HOURS" in line]
    cells = [cell.strip() for cell in line.split("   ") if cell.strip()]
    assert cells == [f"{name.upper()}_SHOP_HOURS", "float > 0", "8.0", "7.5", "environment", "hours a day"]
    assert f"{name.upper()}_SHOP_TILL__COINS" in output
    assert "coins [in the till]" in output


def test_secrets_are_masked(name: str, variable: Callable[[str, str], None]) -> None:
    variable("SHOP_KEY", "hunter2")
    for output in (run(f"{name}.settings:ShopConfig").stdout, run(f"{name}.settings:ShopConfig", "--json").stdout):
        assert "**********" in output
        assert "hunter2" not in output
        assert "under the mat" not in output


@pytest.mark.parametrize("target", ["{name}.settings", "{name}"])
def test_a_module_or_package_shows_all_its_configs(
    name: str, target: str, variable: Callable[[str, str], None], tmp_path: Path
) -> None:
    (tmp_path / name / "broken.py").unlink()
    variable("DOOR_WIDTH", "90")
    configs = json.loads(run(target.format(name=name), "--json").stdout)
    assert [config["name"] for config in configs] == ["ShopConfig", "DoorConfig"]


def test_json_has_a_row_for_each_setting(name: str) -> None:
    [config] = json.loads(run(f"{name}.settings:ShopConfig", "--json").stdout)
    assert config["config"] == f"{name}.settings:ShopConfig"
    assert config["problems"] == []
    assert config["settings"][0] == {
        "name": "hours",
        "variable": f"{name.upper()}_SHOP_HOURS",
        "type": "float > 0",
        "default": "8.0",
        "current": "8.0",
        "source": "default",
        "description": "hours a day",
        "secret": False,
    }


def test_a_topology_shows_the_config_of_each_actor_with_its_own_section(name: str) -> None:
    configs = json.loads(run("shop.toml", "--json").stdout)
    assert [config["name"] for config in configs] == ["shop: ShopConfig", "other: ShopConfig", "door: DoorConfig"]
    hours = [(config["settings"][0]["current"], config["settings"][0]["source"]) for config in configs]
    assert hours == [
        ("2.5", "shop.toml [actors.shop.config]"),
        ("8.0", "default"),
        ("90", "shop.toml [actors.door.config]"),
    ]


def test_an_actor_class_shows_the_config_that_it_takes(name: str) -> None:
    [config] = json.loads(run(f"{name}.actors:Shop", "--json").stdout)
    assert config["name"] == "Shop: ShopConfig"


def test_a_wrong_value_is_shown_and_told_with_exit_code_2(name: str, variable: Callable[[str, str], None]) -> None:
    variable("SHOP_HOURS", "many")
    result = run(f"{name}.settings", code=2)
    assert "many" in result.stdout
    assert "not set" in result.stdout
    assert "[CFG-001] ShopConfig, DoorConfig: 2 problems" in result.stderr
    assert f"{name.upper()}_SHOP_HOURS = 'many' (environment): input should be a valid number" in result.stderr
    assert f"{name.upper()}_DOOR_WIDTH: it is required, and not set in environment, .env" in result.stderr


def test_another_environment_file_can_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "night.env").write_text(f"{name.upper()}_SHOP_HOURS=1\n")
    [config] = json.loads(run(f"{name}.settings:ShopConfig", "--env-file", "night.env", "--json").stdout)
    assert config["settings"][0]["source"] == "night.env line 1"
    assert "[CFG-004]" in run(f"{name}.settings:ShopConfig", "--env-file", "missing.env", code=2).stderr


def test_the_template_has_each_config_once(name: str) -> None:
    output = run("shop.toml", "--template").stdout
    assert output.count("# ShopConfig: What the shop sells.") == 1
    assert f"# hours a day\n# float > 0\n#{name.upper()}_SHOP_HOURS=8.0\n" in output
    assert f"# int, required\n#{name.upper()}_DOOR_WIDTH=\n" in output


def test_the_template_goes_into_a_new_file_and_never_over_an_old_one(name: str, tmp_path: Path) -> None:
    target = f"{name}.settings"
    assert run(target, "--template", "--output", ".env").stdout == "wrote .env\n"
    written = (tmp_path / ".env").read_text()
    assert written == run(target, "--template").stdout
    assert "exists and is kept as it is" in run(target, "--template", "--output", ".env", code=2).stderr
    assert (tmp_path / ".env").read_text() == written
    assert "No such file" in run(target, "--template", "--output", "no/such/.env", code=2).stderr


def test_options_that_do_not_go_together_are_refused(name: str) -> None:
    assert "--output is for --template" in run(f"{name}.settings", "--output", "x", code=2).stderr
    assert "--template is a .env file" in run(f"{name}.settings", "--template", "--json", code=2).stderr


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("{name}.settings:ShopConfg", "did you mean 'ShopConfig'?"),
        ("{name}.settings:Till", "Till is neither a Config nor an actor that takes one"),
        ("{name}.actors:Cat", "Cat is neither a Config nor an actor that takes one"),
        ("{name}.nowhere", "there is no module '{name}.nowhere' here"),
        ("no_such_package.settings:X", "there is no module 'no_such_package'"),
        ("{name}.empty", "there is no Config class with a prefix in it"),
        ("cats.toml", "no actor of it takes a config"),
    ],
)
def test_a_target_without_configs_is_refused_with_the_reason(name: str, target: str, reason: str) -> None:
    result = run(target.format(name=name), code=2)
    assert f"[CFG-005] {target.format(name=name)} names no config: {reason.format(name=name)}" in result.stderr
    assert "Traceback" not in result.output


def test_a_module_that_raises_is_told_from_one_that_is_not_there(name: str) -> None:
    assert f"[NOD-036] {name}.broken fails to import: ZeroDivisionError" in run(f"{name}.broken", code=2).stderr


def test_a_class_without_a_prefix_reads_nothing_and_says_so(name: str) -> None:
    assert "[CFG-002] Base cannot be used as a config" in run(f"{name}.settings:Base", code=2).stderr


def test_a_topology_that_is_not_there_is_an_error_of_the_topology(name: str) -> None:
    assert "[TOP-001]" in run("missing.toml", code=2).stderr
