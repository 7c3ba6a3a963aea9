"""The files of docs/deploy fit the command line, the topology beside them, the settings that there are, and each other."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mycelium import Node, Topology, resolve
from mycelium.cli.run import run_command
from mycelium.cli.top import top_command
from mycelium.link.config import LinkConfig
from mycelium.observing.places import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "docs" / "deploy"
UNIT = DEPLOY / "systemd" / "mycelium@.service"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
TOPOLOGY = Topology.load(DEPLOY / "market_data.toml")

#: How long a node may take to stop in order: it waits for those that send to it, and for those that take what it sent.
STOP_S = 2 * inspect.signature(Node).parameters["drain_s"].default


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text()))


def manifests(kind: str) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "market_data.yaml").read_text())
    return [document for document in documents if document["kind"] == kind]


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each pod of the cluster, with each of its containers."""
    for one in manifests("StatefulSet"):
        pod = one["spec"]["template"]["spec"]
        yield from ((pod, container) for container in pod["containers"])


def unit_values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def listed(name: str) -> list[str]:
    """An instruction of the Dockerfile that is a list of words."""
    (text,) = instructions(name)
    return [str(word) for word in yaml.safe_load(text)]


def command_lines() -> dict[str, list[str]]:
    """Everything that is started or asked, without the path of the program."""
    entry = listed("ENTRYPOINT")
    found = {"Dockerfile": [*entry, *listed("CMD")]}
    for node in TOPOLOGY.nodes:
        (unit,) = unit_values("ExecStart")
        found[f"unit of {node}"] = shlex.split(unit.replace("%i", node))
    for name, service in compose()["services"].items():
        if "command" in service:
            found[f"compose {name}"] = [*entry, *service["command"]]
            found[f"compose {name}, health"] = service["healthcheck"]["test"][1:]
    for _, container in containers():
        found[f"kubernetes {container['name']}"] = [*entry, *container["args"]]
    return {place: [Path(line[0]).name, *line[1:]] for place, line in found.items()}


@pytest.mark.parametrize("place", command_lines())
def test_every_command_line_is_one_that_mycelium_takes(place: str) -> None:
    program, name, *arguments = command_lines()[place]
    command = {"run": run_command, "top": top_command}[name]
    assert program == "mycelium"
    with command.make_context(name, arguments) as context:
        given = context.params
    if name == "run":
        assert given["file"] == Path("market_data.toml")
        assert given["node_name"] in TOPOLOGY.nodes
    else:
        topology, _, node = given["node"].partition(".")
        assert (topology, node in TOPOLOGY.nodes) == (TOPOLOGY.name, True)


def test_the_topology_can_run_and_every_node_of_it_is_started() -> None:
    nodes = set(resolve(TOPOLOGY).running_nodes)
    assert {name for name, service in compose()["services"].items() if "command" in service} == nodes
    assert {container["name"] for _, container in containers()} == nodes
    assert {one["metadata"]["name"] for one in manifests("StatefulSet")} == {
        node.host for node in TOPOLOGY.nodes.values()
    }


def test_whoever_kills_waits_longer_than_a_node_takes_to_stop() -> None:
    waits = [float(value) for value in unit_values("TimeoutStopSec")]
    waits += [
        float(one["stop_grace_period"].removesuffix("s")) for one in compose()["services"].values() if "command" in one
    ]
    waits += [pod["terminationGracePeriodSeconds"] for pod, _ in containers()]
    assert len(waits) == 1 + 2 * len(TOPOLOGY.nodes)
    assert all(wait > STOP_S for wait in waits)
    assert unit_values("KillSignal") == ["SIGTERM"]
    assert unit_values("RestartPreventExitStatus") == ["2"]


def test_settings_are_some_that_there_are() -> None:
    known = {VARIABLE, *(f"MYCELIUM_LINK_{name.upper()}" for name in LinkConfig.model_fields)}
    used = {line.partition("=")[0] for line in unit_values("Environment")}
    used |= {line.partition("=")[0] for line in instructions("ENV")}
    for service in compose()["services"].values():
        used |= set(service.get("environment", {}))
    for one in manifests("ConfigMap"):
        used |= set(one["data"])
    for _, container in containers():
        used |= {setting["name"] for setting in container.get("env", ())}
    assert used >= {VARIABLE, "MYCELIUM_LINK_AUTHORITY", "MYCELIUM_LINK_CERTIFICATE", "MYCELIUM_LINK_KEY"}
    assert used <= known, used - known
    named = set(re.findall(r"\bMYCELIUM_[A-Z_]+", (DEPLOY / "README.md").read_text()))
    assert named <= known


def test_ports_are_those_of_the_topology() -> None:
    for _, container in containers():
        spec = TOPOLOGY.nodes[container["name"]]
        ports = {f":{port['containerPort']}" for port in container["ports"]}
        assert ports == {f":{one.rpartition(':')[2]}" for one in (spec.metrics, spec.listen) if one}
        named = {port["name"]: port["containerPort"] for port in container["ports"]}
        probed = named[container["livenessProbe"]["httpGet"]["port"]]
        assert spec.metrics == f":{probed}"
    hosts = {spec.host for spec in TOPOLOGY.nodes.values() if spec.listen}
    assert hosts <= {one["metadata"]["name"] for one in manifests("Service")}
    assert hosts <= {
        alias
        for one in compose()["services"].values()
        for alias in one.get("networks", {}).get("default", {}).get("aliases", ())
    }


def test_nodes_of_one_host_share_memory_and_sockets() -> None:
    """Of two containers each its own memory: a link between them would find nobody."""
    for pod, _ in containers():
        names = [container["name"] for container in pod["containers"]]
        assert len({TOPOLOGY.nodes[name].host for name in names}) == 1
        if len(names) > 1:
            memory = {
                volume["name"] for volume in pod["volumes"] if volume.get("emptyDir", {}).get("medium") == "Memory"
            }
            for container in pod["containers"]:
                mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
                assert [mounts[name] for name in memory] == ["/dev/shm"]
                runtime = next(setting["value"] for setting in container["env"] if setting["name"] == VARIABLE)
                assert any(Path(runtime).is_relative_to(path) for path in mounts.values())
            assert pod["shareProcessNamespace"]
    services = compose()["services"]
    for name, spec in TOPOLOGY.nodes.items():
        together = [other for other, one in TOPOLOGY.nodes.items() if one.host == spec.host]
        if len(together) > 1:
            assert (services[name]["ipc"], services[name]["pid"]) == (f"service:{spec.host}",) * 2
            assert "runtime:/run/mycelium" in services[name]["volumes"]
            assert services[spec.host]["shm_size"]


def test_the_image_has_what_the_wheel_is_built_from_and_what_the_application_needs() -> None:
    copied = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    sources = [word for words in copied for word in words[:-1]]
    assert all((ROOT / source).exists() for source in sources)
    build = set(sources[: sources.index("actors")])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {one.partition(".")[0] for one in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    needed = {
        "pyproject.toml",
        "setup.py",
        "MANIFEST.in",
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    assert needed | packages <= build
    extras = set(project["project"]["optional-dependencies"])
    wanted = [set(found.split(",")) for found in re.findall(r"\[([a-z,]+)\]'", DOCKERFILE.read_text())]
    assert wanted[0] == wanted[1] <= extras, "what is built is what is installed"
    kinds = {"metrics" for spec in TOPOLOGY.nodes.values() if spec.metrics} | {"ipc", "net"}
    assert kinds <= wanted[0]
    version = re.findall(r"^FROM python:(\d+)\.(\d+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(set(version)) == 1
    assert tuple(map(int, version[0])) >= (3, 11)
    assert project["project"]["requires-python"] == ">=3.11"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """With a program and a folder that are there."""
    text = UNIT.read_text().replace("/opt/mycelium/.venv/bin/mycelium", "/bin/true")
    (tmp_path / "mycelium@feeds.service").write_text(text.replace("=/opt/mycelium", "=/"))
    shutil.copy(DEPLOY / "systemd" / "mycelium.target", tmp_path)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_page_names_every_file() -> None:
    files = {str(file.relative_to(DEPLOY)) for file in DEPLOY.rglob("*") if file.is_file()} - {"README.md"}
    linked = set(re.findall(r"\]\(([\w./@-]+)\)", (DEPLOY / "README.md").read_text()))
    assert files == {link for link in linked if not link.startswith("..")}
