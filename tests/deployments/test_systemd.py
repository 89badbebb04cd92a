"""systemd takes the units, each part is given what it needs, and can do little but its work."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import get_args

import pytest

from cct_ops.stack.part_names import PartName
from tests.deployments.tools import FOLDER, output

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)

UNITS = FOLDER / "systemd"
PARTS = [f"cct-ops@{part}.service" for part in get_args(PartName)]
ONCE = ["cct-ops-release.service", "cct-ops-deploy.service"]
# Of ten; systemd calls one up to 4 well protected.
EXPOSURE = 1.5


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with our units where the page on containers puts them, and a command."""
    root = tmp_path_factory.mktemp("machine")
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system")
    for folder in ("lib", "usr/lib"):
        if not (root / folder / "systemd").exists() and Path("/", folder, "systemd").is_dir():
            shutil.copytree(
                Path("/", folder, "systemd/system"), root / folder / "systemd/system", symlinks=True
            )
    command = root / "opt/cct-ops/.venv/bin/cct-ops"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    return root


def test_systemd_takes_the_units(machine: Path) -> None:
    said = output("systemd-analyze", "verify", f"--root={machine}", *PARTS, *ONCE, "cct-ops.target")

    assert said == ""


@pytest.mark.parametrize("unit", [*PARTS, *ONCE])
def test_a_unit_is_open_to_little(machine: Path, unit: str) -> None:
    said = output(
        *("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--root={machine}", unit),
        env={**os.environ, "SYSTEMD_COLORS": "0"},
    )

    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found is not None
    assert float(found[1]) <= EXPOSURE


@pytest.mark.parametrize("part", get_args(PartName))
def test_a_part_is_given_secrets_and_no_other(part: str) -> None:
    (path,) = (UNITS / f"cct-ops@{part}.service.d").glob("*.conf")
    given = dict(re.findall(r"^LoadCredential=(\S+?):(\S+)$", path.read_text(), re.MULTILINE))

    assert given
    assert given == {name: f"/etc/cct-ops/secrets/{name}" for name in given}
    assert ("approvals" in given) == (part == "gateway")
    assert ("log.key" in given) == (part == "controller")
    assert ("CCT_OPS_DATABASE_URL" in given) == (not part.startswith("prefect-"))
