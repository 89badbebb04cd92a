"""The environment of the services, and the key that they share."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cct_ops.gateway.approvals.links import read_key
from cct_ops.stack import environment
from cct_ops.stack.assembly import assemble
from cct_ops.stack.config import StackConfig

LEDGER = "postgresql+psycopg://somebody:secret@127.0.0.1/cct_ops"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a folder for data, and a shell inside of it that knows nothing."""
    (tmp_path / "prefect.yaml").touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".cct-ops").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    monkeypatch.setattr(os, "environ", {"X_API_KEY": "mine"})
    return tmp_path


def test_a_command_takes_over_what_it_was_not_given(project: Path) -> None:
    env = {"CCT_OPS_DATABASE_URL": LEDGER, "X_API_KEY": "theirs", "HOME": "/nowhere"}

    with environment.kept(project / ".cct-ops", env):
        environment.adopt()

    assert os.environ["CCT_OPS_DATABASE_URL"] == LEDGER
    assert os.environ["X_API_KEY"] == "mine"
    assert "HOME" not in os.environ


def test_a_command_that_names_a_ledger_takes_over_nothing(project: Path) -> None:
    os.environ["CCT_OPS_DATABASE_URL"] = "postgresql+psycopg://elsewhere/cct_ops"

    with environment.kept(project / ".cct-ops", {"CCT_URL": "http://cct"}):
        environment.adopt()

    assert "CCT_URL" not in os.environ


def test_it_is_for_its_owner_alone_and_goes_with_the_stack(project: Path) -> None:
    path = project / ".cct-ops" / "environment.json"

    with environment.kept(project / ".cct-ops", {"CCT_OPS_DATABASE_URL": LEDGER}):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert not path.exists()


def test_only_the_gateway_knows_where_the_key_is(tmp_path: Path) -> None:
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": "", "CCT_OPS_APPROVAL_KEY_FILE": ""})

    plan = assemble(config, 0).plan

    given = {part.name for part in plan.parts if part.program.env.get("CCT_OPS_APPROVAL_KEY_FILE")}
    key = tmp_path / "keys" / "approvals"
    assert given == {"gateway"}
    assert len(read_key(key).get_secret_value()) >= 32
    assert key.stat().st_mode & 0o077 == 0


def test_the_key_of_the_log_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": ""})

    env = assemble(config, 0).env
    key = tmp_path / "record" / "log.key"
    first = key.read_text()
    assemble(config, 0)

    assert env["CCT_OPS_RECORD_PATH"] == str(tmp_path / "record")
    assert key.read_text() == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_the_operator_gives_goes_to_the_gateway_alone(tmp_path: Path) -> None:
    given = {
        "CCT_OPS_APPROVAL_KEY_FILE": str(tmp_path / "own-key"),
        "CCT_OPS_SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    }
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": "", **given})

    parts = assemble(config, 0).plan.parts

    for name, value in given.items():
        assert {part.name: part.program.env.get(name) for part in parts} == {
            part.name: value if part.name == "gateway" else None for part in parts
        }
    assert not (tmp_path / "keys" / "approvals").exists()


def test_a_worker_waits_for_the_deployments_unless_there_can_be_no_runs(tmp_path: Path) -> None:
    """What waits since the last time must not start from a deployment that is about to change."""

    def before_the_worker() -> tuple[str, ...]:
        plan = assemble(StackConfig.ephemeral(tmp_path), 0).plan
        (worker,) = (part for part in plan.parts if part.name == "worker")
        return worker.after

    assert before_the_worker() == ("prefect", "ledger", "sandbox")
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    assert before_the_worker() == ("deployments", "sandbox")
