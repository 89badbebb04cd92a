"""What today's files would make of the past, tried before they count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.tables import deliveries
from tests.commands.conftest import Typed
from tests.gateway.delivering import fields, take
from tests.gateway.signing import FIELDS

LISTED = {
    "each": "alerts",
    "status": "state",
    "starts_at": "at",
    "labels": {"alertname": "name", "title": "texts[0]"},
}
RULES = """\
rules:
  - name: rolled-back
    match: ['source="json"', 'alertname="X"']
    playbook: auto-rollback
    mode: observe
    parameters:
      target: {type: route, label: title, pattern: 'Canary (?:off|down) on (.*)'}
      minutes: {value: 30}
  - name: rest
    notify: true
"""


def test_lists_parts_of_labels_and_values_are_tried_on_the_past(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    """Each alert of a list by itself, with the run that it would get."""
    texts = ("Canary off on /daily-summary", "Canary down on /nowhere", "all is well")
    alerts = [
        {"state": "open", "id": n, "at": "2026-11-23T12:00:00Z", "name": "X", "texts": [text]}
        for n, text in enumerate(texts)
    ]
    take(engine, "json", {"alerts": alerts}, fields(**LISTED))
    source = {"kind": "json", "keys": [{"env": "KEY"}], "fields": FIELDS | LISTED}
    (tmp_path / "sources.yaml").write_text(json.dumps({"sources": {"json": source}}))
    (tmp_path / "routes.yaml").write_text(RULES)
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(tmp_path / "sources.yaml"))
    monkeypatch.setenv("CCT_OPS_ROUTES_PATH", str(tmp_path / "routes.yaml"))

    said = typed("replay --since 1h")

    assert "auto-rollback (target=/daily-summary, minutes=30), mode observe" in said
    assert "blocked, label title is not a route of CCT" in said
    assert "blocked, label title does not have the prescribed form" in said


def test_a_body_that_is_kept_no_longer_is_named(engine: sa.Engine, typed: Typed) -> None:
    intake.record(engine, "alertmanager", b"{}", ())
    with engine.begin() as tx:
        tx.execute(sa.update(deliveries).values(body=None))

    assert "deleted: its body is older than CCT_OPS_KEEP_BODIES_DAYS" in typed("replay --since 1h")
