"""The doctor says that the installation is drained, and how old its backup is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import drains
from cct_ops.ledger.record import backups
from cct_ops.ledger.record.backups import Backup
from tests.doctor.conftest import Doctor


def taken(ago: timedelta) -> Backup:
    """A backup as old as that."""
    at = datetime.now(UTC) - ago
    return Backup(taken_at=at, person="ada", file="b.zip", sha256="0", bytes=1, leaves=1)


def test_drain_and_backup_have_a_line_each(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, ledger_url: SecretStr
) -> None:
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    engine = connect(ledger_url)
    _, lines = doctor()
    assert "drain" not in lines
    assert lines["backup"].startswith("! backup      there was never a backup")

    backups.record(engine, taken(timedelta(days=3)))
    drains.begin(engine, "the new release", "ada")
    _, lines = doctor()
    assert "b.zip holds what was there 72 hours ago. Take one each day" in lines["backup"]
    assert lines["drain"].startswith("! drain       drained for ")
    assert "by ada, the new release: no new run begins" in lines["drain"]

    backups.record(engine, taken(timedelta(hours=3)))
    fresh = r"✓ backup      b\.zip holds what was there 18\d(\.\d)? minutes ago"
    assert re.match(fresh, doctor()[1]["backup"])
