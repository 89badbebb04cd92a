"""Why something was not understood is said so that one can act on it."""

from __future__ import annotations

import pytest

from tests.gateway.test_odd_alerts import came


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        (
            "alertmanager",
            b'{"version": "4", "alerts": [{"status": "firing", "status": "resolved"}]}',
            "alerts.0: a name is there twice in one object",
        ),
        (
            "grafana",
            b'{"version": "1", "alerts": [{"status": "firing", "labels": {"a": "", "a": ""}}]}',
            "alerts.0.labels: a name is there twice in one object",
        ),
        ("alertmanager", b'{"alerts": [], "alerts": []}', "a name is there twice in one object"),
        (
            "pagerduty",
            b'{"event": {"id": 1, "id": 2}}',
            "event: a name is there twice in one object",
        ),
        (
            "alertmanager",
            b'{"version": "4", "alerts": [{"status": "firing", "labels": {"a": NaN}}]}',
            "alerts.0.labels.a: NaN is no number in JSON",
        ),
        (
            "json",
            b'{"state": "open", "id": 1, "at": "2016-12-31T23:59:60Z"}',
            "at: no date and time that can be read, as 2026-11-24T18:30:00Z is",
        ),
        (
            "json",
            b'{"state": "open", "id": 1, "at": "2026-11-24T18:30:00"}',
            "at: has no zone, as 2026-11-24T18:30:00Z has",
        ),
        (
            "json",
            b'{"state": "open", "id": 1, "at": "9999-12-31T23:59:59Z"}',
            "at: this moment is outside of the calendar",
        ),
        (
            "json",
            b'{"state": "open", "id": 1, "at": "17644128000000000"}',
            "at: no date and time that can be read, as 2026-11-24T18:30:00Z is",
        ),
        (
            "alertmanager",
            b'{"version": "4", "alerts": [{"status": "firing", "labels": {}}]}',
            "alerts.0.labels: there is none",
        ),
    ],
)
def test_the_reason_is_what_is_wrong(name: str, body: bytes, reason: str) -> None:
    """In words that one can act on, and not those of a library."""
    assert came(name, body).note == reason


@pytest.mark.parametrize("name", ["json", "standard", "cloudevents"])
def test_a_list_without_anything_in_it_is_called_so(name: str) -> None:
    batch = {"content_type": "application/cloudevents-batch+json"}
    headers = batch if name == "cloudevents" else {}
    assert came(name, [], **headers).note == "There is no alert in it."
