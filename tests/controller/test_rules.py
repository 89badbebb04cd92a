"""Each version of people's rules is a row once, however often it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.controller.rules import record_versions
from cct_ops.ledger.record.log_tables import rule_versions
from cct_ops.settings import Settings
from tests.conftest import ROOT


def test_a_changed_file_is_recorded_and_so_is_the_change_back(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.yaml"
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(policy))
    for content in ("a: 1\n", "a: 1\n", "a: 2\n", "a: 1\n"):
        policy.write_text(content)
        record_versions(engine, Settings.load())

    with engine.connect() as connection:
        found = connection.execute(
            sa.select(rule_versions.c.file, rule_versions.c.sha256).order_by(rule_versions.c.id)
        ).all()
    of_policy = [digest for file, digest in found if file == "policy.yaml"]
    assert (len(of_policy), len(found)) == (3, 7)
    assert of_policy[0] == of_policy[2] != of_policy[1]
