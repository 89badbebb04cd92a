"""The gateway by its description, which exists for this test only: whatever comes, never 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings, strategies as st
from schemathesis.checks import not_a_server_error

from cct_ops.gateway.app import create_app
from cct_ops.gateway.registry import Registry
from cct_ops.gateway.writer import Writer
from evaluation.soak.rules import cases
from tests.gateway.signing import OTHER_SECRET

SOURCES = """\
sources:
  open: {{kind: json, keys: [{{file: {key}}}], fields: &fields {{status: status, firing: [firing],
    incident: [id], labels: {{alertname: name}}}}}}
  alertmanager: {{kind: alertmanager, keys: [{{file: {key}}}], repeat_interval_seconds: 60,
    group_interval_seconds: 60}}
  events: {{kind: cloudevents, keys: [{{file: {key}}}], fields: *fields}}
"""


TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
STATUS = {"enum": ["firing", "resolved"]}
ALERT = {
    "type": "object",
    "required": ["status", "labels", "startsAt"],
    "properties": {
        "status": STATUS,
        "labels": TEXTS,
        "annotations": TEXTS,
        "startsAt": {"type": "string", "format": "date-time"},
        "endsAt": {"type": "string", "format": "date-time"},
    },
}
BODY = {
    "anyOf": [
        {
            "type": "object",
            "required": ["version", "alerts"],
            "properties": {
                "version": {"const": "4"},
                "alerts": {"type": "array", "items": ALERT, "maxItems": 4},
            },
        },
        {
            "type": "object",
            "required": ["status", "id", "specversion", "source", "type"],
            "properties": {
                "status": STATUS,
                "id": {"type": ["string", "integer"]},
                "name": TEXT,
                "specversion": {"const": "1.0"},
                "source": TEXT,
                "type": TEXT,
            },
        },
    ]
}


@pytest.fixture
def app(engine: sa.Engine, tmp_path: Path) -> Iterator[FastAPI]:
    """Make the gateway inside this process, where it may describe itself."""
    (tmp_path / "key").write_text(OTHER_SECRET)
    (tmp_path / "sources.yaml").write_text(SOURCES.format(key=tmp_path / "key"))
    registry, writer = Registry(tmp_path / "sources.yaml"), Writer(engine)
    writer.start()
    app = create_app(engine, registry, writer, openapi_url="/openapi.json")
    described = app.openapi()["paths"]["/hooks/{source}"]["post"]
    described["requestBody"] = {"content": {"application/json": {"schema": BODY}}}
    yield app
    writer.stop()


def test_nothing_that_comes_is_our_error(app: FastAPI) -> None:
    """Schemathesis makes the requests up; they come with a key and without, to three senders."""
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)["/hooks/{source}"]["POST"]
    seen: set[tuple[int, str | None]] = set()

    @settings(
        max_examples=cases("fuzz", 80),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        case=operation.as_strategy(),
        name=st.sampled_from(["alertmanager", "open", "events", None]),
        key=st.sampled_from([OTHER_SECRET, OTHER_SECRET, "wrong", None]),
    )
    def knock(case: schemathesis.Case[Any], name: str | None, key: str | None) -> None:
        if name is not None:
            case.path_parameters["source"] = name
        answer = case.call(headers={"Authorization": f"Bearer {key}"} if key else {})
        case.validate_response(answer, checks=[not_a_server_error])
        status = answer.json().get("status") if answer.status_code == 202 else None
        seen.add((answer.status_code, status))

    knock()
    assert {(202, "accepted"), (202, "quarantined"), (401, None)} <= seen
