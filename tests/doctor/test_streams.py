"""The doctor's check of the streams of audit events."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.doctor.conftest import Doctor
from tests.record.streamed import Streamed, place
from tests.stack.polling import eventually


def test_a_stream_that_is_behind_is_found(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    engine: sa.Engine,
    ledger_url: SecretStr,
    tmp_path: Path,
) -> None:
    _, lines = doctor()
    assert lines["streams"].startswith("- ")
    path = tmp_path / "policy.yaml"
    stream = "{name: siem, file: audit.jsonl, behind_minutes: 0.001}"
    path.write_text(f"playbooks: {{}}\naudit:\n  streams: [{stream}]\n")
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(path))
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    _, lines = doctor()
    assert "! streams" in lines["streams"]
    assert "no controller has seen it yet" in lines["streams"]

    ours = Streamed(engine, place(file="audit.jsonl"), tmp_path)
    ours.happen(1)
    ours.turn()
    _, lines = doctor()
    assert (
        "✓ streams     audit.jsonl (siem) has taken all events before 1; waiting: 0"
        in lines["streams"]
    )

    ours.folder = tmp_path / "missing"
    ours.happen(1)
    ours.turn()
    eventually(lambda: ours.progress().behind_seconds > 0.06)
    code, lines = doctor()
    assert code == 1
    assert "✗ streams     audit.jsonl (siem) is behind by " in lines["streams"]
    assert "cannot be written: No such file or directory" in lines["streams"]
