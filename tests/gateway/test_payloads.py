"""Bodies that others captured or published: each opens what it should."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from tests.gateway.signing import PAYLOADS, SOURCES, Sent, sign

# Each captured or published body by itself: its source, and what its alerts do.
BODIES: dict[str, tuple[str, dict[str, int]]] = {
    "alertmanager/captured-firing-group-of-2.json": ("alertmanager", {"opened": 2}),
    "alertmanager/captured-firing-third-alert-joined.json": ("alertmanager", {"opened": 3}),
    "alertmanager/captured-mixed-one-resolved.json": ("alertmanager", {"opened": 2, "unknown": 1}),
    "alertmanager/captured-resolved-all.json": ("alertmanager", {"unknown": 2}),
    "alertmanager/captured-startsAt-before.json": ("alertmanager", {"opened": 1}),
    "alertmanager/captured-startsAt-moved-back.json": ("alertmanager", {"opened": 1}),
    "alertmanager/captured-truncated-2-of-5.json": ("alertmanager", {"opened": 2}),
    "github/check_run-completed-failure.json": ("github", {"opened": 1}),
    "github/ping.json": ("github", {}),
    "grafana/oncall-example-firing-3-alerts.json": ("grafana", {"opened": 3}),
    "pagerduty/incident.priority_updated-signed.json": ("pagerduty", {"opened": 1}),
}


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the captured bodies are not beside the checkout")
def test_every_captured_and_published_body_opens_the_right_incidents(engine: sa.Engine) -> None:
    """All that there are; each is taken in as if its source had never said anything."""
    found = {str(path.relative_to(PAYLOADS)) for path in PAYLOADS.rglob("*.json")}
    assert found == BODIES.keys()
    for file, (name, did) in BODIES.items():
        body = (PAYLOADS / file).read_bytes()
        event = {"x_github_event": "ping"} if file == "github/ping.json" else {}
        request = Sent(SOURCES[name], sign(name, body), body).but(**event)
        assert request.admitted
        incoming = incoming_of(file, request.source, request.received, "KEY")
        assert incoming.alerts is not None, (file, incoming.note)
        intake.record_all(engine, [incoming])
        with engine.connect() as connection:
            mine = sa.select(alerts.c.verdict).join(deliveries).where(deliveries.c.source == file)
            assert Counter(connection.scalars(mine)) == did, file

    with engine.connect() as connection:
        rows = connection.execute(sa.select(incidents.c.source, incidents.c.labels)).all()
    names = {(row.source.partition("/")[0], row.labels["alertname"]) for row in rows}
    assert names >= {
        ("grafana", "InstanceDown"),
        ("pagerduty", "PagerDutyIncident"),
        ("github", "CheckRunFailed"),
    }
    assert {row.labels.get("priority") for row in rows if "pagerduty" in row.source} == {"P1"}
