"""What the doctor says about senders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.doctor.conftest import Doctor


def test_a_source_that_cannot_tell_a_copy_from_news_is_named(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rule that holds for it; it works, so it is no error."""
    fields = {"status": "s", "firing": ["f"], "incident": ["i"], "labels": {"alertname": "n"}}
    source = {"kind": "json", "keys": [{"env": "SOME_KEY"}], "fields": fields}
    path = tmp_path / "sources.yaml"
    path.write_text(json.dumps({"sources": {"monitor": source}}))
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(path))
    monkeypatch.setenv("SOME_KEY", "a" * 32)

    _, lines = doctor()

    assert lines["sources"].startswith("! ")
    assert "monitor cannot tell a copy from news" in lines["sources"]
    assert "delivery:" in lines["sources"]
