"""The compose file is sound to Docker, and each container can do little but its work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from cct_ops.stack.part_names import PartName
from tests.deployments.tools import COMPOSE, FOLDER, needs_tools, output
from tests.generated_docs import variables

FILE = FOLDER / "compose.yaml"
ONCE = {"migrate", "deploy"}
NOT_OURS = {"postgres", "redis", "proxy"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Docker makes of the file, with the secrets that the page on containers makes."""
    secrets = tmp_path_factory.mktemp("secrets")
    make_secrets(secrets)
    return read_project(secrets)


def read_project(secrets: Path) -> dict[str, Any]:
    """Return what Docker makes of the file."""
    env = {
        "PATH": os.defpath,
        "SECRETS": str(secrets),
        "HOST": "ops.example",
        "CCT_URL": "https://cct.example",
    }
    found: dict[str, Any] = json.loads(
        output(COMPOSE, "-f", FILE, "config", "--format", "json", env=env)
    )
    return found


def make_secrets(folder: Path) -> None:
    """Type what the page says."""
    page = (FOLDER.parent / "docs" / "containers.md").read_text()
    (script,) = [
        block.partition("```")[0]
        for block in page.split("```bash\n")[1:]
        if block.startswith("umask")
    ]
    path = f"{Path(sys.executable).parent}:{os.defpath}"
    env = {**os.environ, "SECRETS": str(folder), "HOST": "ops.example", "PATH": path}
    subprocess.run(
        ["/bin/sh", "-euc", script.replace("sudo ", "" if os.getuid() == 0 else ": ")],
        env=env,
        check=True,
    )


@needs_tools
def test_every_part_is_there(project: dict[str, Any]) -> None:
    services = project["services"]
    replicas = {name: services[name]["deploy"].get("replicas", 1) for name in services}
    parts = get_args(PartName)

    assert set(services) == {*parts, *ONCE, *NOT_OURS}
    assert {name for name, number in replicas.items() if number == 2} == set(parts)
    for part in parts:
        assert services[part]["command"] == ["start", part]


@needs_tools
def test_a_container_can_do_little_but_its_work(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name
        assert not service.get("privileged"), name


@needs_tools
def test_each_waits_for_what_it_needs(project: dict[str, Any]) -> None:
    """What is waited for as healthy says whether it is."""
    for name, service in project["services"].items():
        for other, how in (service.get("depends_on") or {}).items():
            healthy = how["condition"] == "service_healthy"
            assert healthy == ("test" in project["services"][other].get("healthcheck", {}))
            assert healthy or other in ONCE, f"{name} waits for {other}"


@needs_tools
def test_no_secret_stands_in_a_variable(project: dict[str, Any]) -> None:
    """And each part has its own alone."""
    secret = {name for name in project["secrets"] if name.isupper()}
    for name, service in project["services"].items():
        assert service.get("environment", {}).keys() & secret == set(), name
    given = {
        name: {each["source"] for each in service.get("secrets", [])}
        for name, service in project["services"].items()
    }

    assert {name for name, those in given.items() if "approvals" in those} == {"gateway"}
    assert "PREFECT_API_AUTH_STRING" not in given["gateway"]
    assert set().union(*given.values()) == project["secrets"].keys()


@needs_tools
def test_every_variable_is_one_that_there_is(project: dict[str, Any]) -> None:
    known = {*variables(), "CCT_OPS_SECRETS_PATH", "PREFECT_API_URL", "PREFECT_SERVER_API_HOST"}
    for name in project["services"].keys() - NOT_OURS:
        assert project["services"][name]["environment"].keys() - known == set(), name


@needs_tools
def test_what_keeps_data_is_reached_from_inside_alone(project: dict[str, Any]) -> None:
    assert project["networks"]["inside"]["internal"] is True
    for name, service in project["services"].items():
        assert ("ports" in service) == (name == "proxy")
        if name.startswith(("postgres", "redis", "prefect-")):
            assert list(service["networks"]) == ["inside"]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    text = re.sub(r"/(?:tmp|dev|run/secrets)/", f"{tmp_path}/", (FOLDER / "nginx.conf").read_text())
    (tmp_path / "nginx.conf").write_text(text)

    output("nginx", "-t", "-q", "-c", tmp_path / "nginx.conf", "-p", tmp_path)
