"""
The image's steps in a bare Debian root, and the whole stack in it, by a user without any rights.

Not one of the suite: it fetches a Debian and all that the lock names. `make image-test` runs it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cct_ops.stack.postgres import free_port
from tests.deployments.bare_root import NEEDED, Stage

MISSING = [name for name in NEEDED if shutil.which(name) is None]

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.getuid() != 0, reason="only root may mount and change the root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

DATA = "/var/lib/cct-ops"


@pytest.fixture
def data(tmp_path: Path, image: Stage) -> Path:
    """A volume of the container's user."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, *map(int, image.user.split(":")))
    return folder


def said(image: Stage, *words: str) -> str:
    """Run a program in the container, whose root may not be written to."""
    ended = subprocess.run(
        image.argv(words, read_only=True),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return ended.stdout.strip()


def test_its_user_may_do_nothing(image: Stage) -> None:
    status = said(image, "/bin/cat", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert said(image, "/usr/bin/id").startswith("uid=10001(cct-ops) gid=10001(cct-ops)")
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    assert "Read-only file system" in said(image, "/usr/bin/touch", "/opt/cct-ops/new")


def test_nothing_in_it_builds_installs_or_belongs_to_its_user(image: Stage) -> None:
    """But its data folder; and nothing of ours is left out or lies there by accident."""
    project = image.inside(".")
    uid = int(image.user.partition(":")[0])

    found = {path.name for path in project.iterdir()}
    assert found == {"prefect.yaml", "flows", "tasks", "deployments", "docs"}
    assert not [*image.root.glob("opt/venv/bin/pip*"), *image.root.glob("usr/bin/*gcc*")]
    owned = [
        path
        for folder in ("opt", "etc", "usr/local", "var/lib")
        for path in (image.root / folder).rglob("*")
        if path.lstat().st_uid == uid
    ]
    assert owned == [image.root / DATA.lstrip("/")]


def test_each_command_is_there_and_is_quick_to_say_so(image: Stage) -> None:
    assert "auto-rollback" in said(image, *image.entrypoint, "run", "--help")
    assert "CCT_OPS_DATABASE_URL is not set" in said(image, *image.entrypoint, "migrate")


def test_the_stack_starts_in_it_on_a_tree_that_nobody_writes_to(image: Stage, data: Path) -> None:
    """By its own command: every part becomes ready, and all end in order when asked to."""
    ports = {part: free_port() for part in ("prefect", "gateway", "board", "sandbox")}
    with_ports = [f"--{part}-port={port}" for part, port in ports.items()]
    words = [*image.entrypoint, *image.command, *with_ports]

    process = subprocess.Popen(
        image.argv(words, binds={DATA: data}, read_only=True),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed = list(_until(process, "CCT  "))
        ui = httpx.get(f"http://127.0.0.1:{ports['prefect']}/", follow_redirects=True)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)

    ready = {line.split()[1] for line in printed if line.startswith("✓")}
    parts = {"postgres", "ledger", "prefect", "deployments", "worker"}
    assert ready >= parts | {"gateway", "board", "controller", "sandbox"}, printed
    assert "✗" not in "".join(printed) + rest
    assert '<div id="app">' in ui.text, "Prefect puts its pages where it may write"
    assert (data / "record" / "log.key").is_file()
    for log in data.glob("logs/*.log"):
        assert "Read-only file system" not in log.read_text(), log.name
        assert "Permission denied" not in log.read_text(), log.name


def _until(process: subprocess.Popen[str], text: str) -> Iterator[str]:
    """Yield the lines that a process prints, up to the one with the text."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if text in line:
            return
    pytest.fail("the stack ended before it was up")
