"""A history by two sets of rules: each in a process that has nothing but files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cct_ops.replay import sides
from cct_ops.replay.compare import Kind, compare
from cct_ops.replay.sides import replay_both
from tests.conftest import ROOT
from tests.replay.repository import WEEK, Repo

# Whatever a replay does that it must not, as Python's own audit events name it.
WATCHED = """
import os, runpy, sys

WRITING = os.O_WRONLY | os.O_RDWR

def look(event, arguments):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.remove"}:
        sys.stderr.write(f"DID {event} {arguments}\\n")
    if event == "open" and isinstance(arguments[0], str) and (arguments[2] or 0) & WRITING:
        sys.stderr.write(f"DID {event} {arguments}\\n")

sys.addaudithook(look)
try:
    runpy.run_module("cct_ops.replay", run_name="__main__", alter_sys=True)
finally:
    hands = ("cct_ops.actions", "cct_ops.clients.operator", "cct_ops.clients.reader", "httpx")
    sys.stderr.write(f"HANDS {[name for name in hands if name in sys.modules]}\\n")
"""


def test_a_replay_has_no_hands_opens_no_connection_and_writes_nothing(repo: Repo) -> None:
    """Neither a client of CCT nor a socket, and no file but its standard output."""
    files = [repo.files.sources, repo.files.routes, repo.files.policy]
    sys_argv = [sys.executable, "-c", WATCHED, WEEK, *files]

    ended = subprocess.run(
        list(map(str, sys_argv)),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert json.loads(ended.stdout)["fates"]
    assert "DID" not in ended.stderr
    assert "HANDS []" in ended.stderr


def test_a_revision_is_replayed_by_its_own_code_and_files_without_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What code makes different shows like what files do; and whose conclusions are others now."""
    for name in ("src", "deployments", "flows", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("prefect.yaml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    repo = Repo(tmp_path)
    repo.commit()
    guards = tmp_path / "src" / "cct_ops" / "models" / "guards.py"
    edited(guards, "facts.new_incidents >= limit.incidents", "facts.new_incidents < 0")
    with (tmp_path / "src/cct_ops/diagnoses/canary_issue.py").open("a") as file:
        file.write("LATER = 1\n")
    monkeypatch.setattr(sides, "_CODE", tmp_path / "src")
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")

    both = replay_both("HEAD", repo.files, WEEK)

    compared = compare(both.before, both.after)
    blocked = [each for each in compared.differences if "blocked by storm" in each.before]
    assert blocked
    assert {each.kind for each in compared.differences} == {Kind.UNBLOCKED}
    assert compared.fired[0] == compared.fired[1]
    assert "canary-issue" in compared.playbooks
    assert "rate-limiting" not in compared.playbooks
    assert both.notes == ("the work tree has changes that are in no commit; they count",)

    whole = guards.read_text()
    guards.write_text("import what_is_installed_no_more\n")
    repo.commit()
    guards.write_text(whole)
    both = replay_both("HEAD", repo.files, WEEK)
    assert compare(both.before, both.after).differences == ()
    assert "No module named 'what_is_installed_no_more': its files were replayed" in both.notes[-1]


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_code_that_is_the_same_is_told_to_be_so_where_other_code_runs(repo: Repo) -> None:
    """The rules are in a checkout that is not the one that was installed."""
    shutil.copy(ROOT / "prefect.yaml", repo.root)
    for name in ("flows", "tasks", "src/cct_ops/diagnoses", "src/cct_ops/actions"):
        shutil.copytree(ROOT / name, repo.root / name, ignore=shutil.ignore_patterns("*.pyc"))
    repo.commit()

    alike = replay_both("HEAD", repo.files, WEEK)
    with (repo.root / "src/cct_ops/diagnoses/rate_limiting.py").open("a") as file:
        file.write("LATER = 1\n")
    other = replay_both("HEAD", repo.files, WEEK)

    assert compare(alike.before, alike.after).playbooks == ()
    assert compare(other.before, other.after).playbooks == ("rate-limiting",)
