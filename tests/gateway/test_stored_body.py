"""What a source declares as secret is not stored, and all else of the body is."""

from __future__ import annotations

import hashlib
import json

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from cct_ops.gateway.senders.reparse import incoming
from cct_ops.gateway.senders.stored_body import without_secrets
from cct_ops.ledger.intake import replay
from cct_ops.ledger.intake.tables import deliveries
from cct_ops.ledger.schema import metadata
from tests.gateway.delivering import count, fields, take, verdicts
from tests.gateway.signing import SOURCES

TOKEN = "s3cr3t-of-flagger"


@pytest.mark.parametrize(
    ("body", "paths", "kept"),
    [
        (
            b'{"metadata": {"token": "%s", "n": 1.10}}',
            ["metadata.token"],
            b'{"metadata": {"token": "[redacted]", "n": 1.10}}',
        ),
        (
            b'{"all": [{"key": "%s"}, {"key": 7}], "n": 12345678901234567890}',
            ["all.key"],
            b'{"all": [{"key": "[redacted]"}, {"key": "[redacted]"}], "n": 12345678901234567890}',
        ),
        (b'{"a": {"b": "%s"}}', ["a"], b'{"a": "[redacted]"}'),
        (b'[{"a": "%s"}]', ["a", "b"], b'[{"a": "[redacted]"}]'),
        (b'{ "no":"secret" }', ["metadata.token"], b'{ "no":"secret" }'),
        (b'{"metadata": null}', ["metadata.token"], b'{"metadata": null}'),
        (
            b'{"metadata": {"token": "%s"',
            ["metadata.token"],
            b'{"metadata": {"token": "[redacted]"',
        ),
        (b"\xff token=%s", ["metadata.token"], b"\xff token=[redacted]"),
        (b'{"metadata": {"token": "%s"}}', [], b'{"metadata": {"token": "%s"}}'),
    ],
)
def test_what_stands_at_the_paths_is_not_kept(body: bytes, paths: list[str], kept: bytes) -> None:
    filled = body.replace(b"%s", TOKEN.encode())

    assert without_secrets(filled, paths) == kept.replace(b"%s", TOKEN.encode())


def test_the_ledger_has_no_secret_and_knows_a_copy_by_the_body_as_it_came(
    engine: sa.Engine,
) -> None:
    source = SOURCES["json"].model_copy(update={"secrets": ("metadata.token",)})
    sent = {"state": "open", "id": 7, "at": "2026-11-23T12:00:00Z", "name": "X"}
    content = sent | {"metadata": {"token": TOKEN}}

    take(engine, "json", content, source)
    take(engine, "json", content, source)

    assert count(engine, deliveries) == 1
    with engine.connect() as connection:
        row = connection.execute(sa.select(deliveries)).one()
    assert TOKEN not in str(row)
    assert json.loads(row.body) == sent | {"metadata": {"token": "[redacted]"}}
    assert row.body_sha256 == hashlib.sha256(json.dumps(content).encode()).hexdigest()
    past = replay.one(engine, row.id)
    assert past is not None
    assert len(incoming(past, {"json": source}).alerts or ()) == 1


def test_what_flagger_sends_opens_and_closes_an_incident_and_its_token_is_nowhere(
    engine: sa.Engine,
) -> None:
    """As its event webhook is documented: all of ``metadata`` are texts, the token among them."""
    flagger = fields(
        status="phase",
        firing=["Failed"],
        resolved=["Succeeded"],
        ignored=["Progressing"],
        incident=["namespace", "name"],
        starts_at=None,
        labels={"alertname": "phase", "name": "name"},
        annotations={"summary": "metadata.eventMessage"},
    ).model_copy(update={"secrets": ("metadata.token",)})
    sent = {
        "name": "podinfo",
        "namespace": "test",
        "phase": "Progressing",
        "checksum": "85d557f47b",
        "metadata": {
            "eventMessage": "Advance podinfo.test canary weight 30",
            "eventType": "Normal",
            "timestamp": "1578607635167",
            "token": TOKEN,
        },
    }

    for phase in ("Progressing", "Failed", "Succeeded"):
        take(engine, "json", sent | {"phase": phase}, flagger)

    assert verdicts(engine) == ["opened", "closed"]
    assert count(engine, deliveries) == 3
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            assert TOKEN not in str(connection.execute(sa.select(table)).all()), table.name
        kept = connection.scalars(sa.select(deliveries.c.body)).all()
    assert all(json.loads(body)["metadata"]["token"] == "[redacted]" for body in kept)


def test_what_was_not_understood_has_no_secret_either(engine: sa.Engine) -> None:
    source = SOURCES["json"].model_copy(update={"secrets": ("token",)})

    take(engine, "json", {"token": TOKEN, "state": "nothing that is declared"}, source)

    with engine.connect() as connection:
        row = connection.execute(sa.select(deliveries)).one()
    assert row.status == "quarantined"
    assert TOKEN not in str(row)


@pytest.mark.parametrize("path", ["", "a..b", "a[0]", " a", "a."])
def test_a_path_is_names_joined_by_dots(path: str) -> None:
    declared = SOURCES["json"].model_dump() | {"secrets": [path]}

    with pytest.raises(ValidationError, match="secrets"):
        type(SOURCES["json"]).model_validate(declared)
