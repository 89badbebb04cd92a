"""Statements about runs are read and verified by the tools that others have for such statements."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from cct_ops.config.policy import AuditPolicy
from cct_ops.ledger.record import log
from cct_ops.record import keys
from cct_ops.record.checkpoints import Recorder
from tests.commands.conftest import Program, Typed
from tests.conftest import ROOT
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided
from tests.record.a_day import Day, a_day

SCHEMA = json.loads((ROOT / "docs" / "audit" / "runs.schema.json").read_text())


@pytest.fixture
def day(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Day:
    """A day whose log is signed."""
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(tmp_path))
    keys.keep_key(tmp_path)
    found = a_day(engine)
    Recorder(engine, tmp_path, AuditPolicy())()
    return found


def public(typed: Typed) -> SSlibKey:
    """Return the log's key as other tools read it."""
    pem = load_pem_public_key(typed("audit key --pem").encode())
    assert isinstance(pem, Ed25519PublicKey)
    return SSlibKey.from_crypto(pem)


def stated(typed: Typed, wanted: str, file: Path) -> dict[str, Any]:
    """Return the statement about something, which other tools have verified."""
    typed(f"audit statement {wanted} {file}")
    envelope = Envelope.from_dict(json.loads(file.read_text()))
    envelope.verify([public(typed)], 1)
    assert envelope.payload_type == "application/vnd.in-toto+json"
    said: dict[str, Any] = json.loads(envelope.payload)
    Statement.copy_from_pb(ParseDict(said, Message())).validate()
    jsonschema_rs.validate(SCHEMA, said["predicate"], validate_formats=True)
    return said


def test_a_statement_about_an_incident_tells_its_runs(
    typed: Typed, day: Day, tmp_path: Path
) -> None:
    said = stated(typed, day.ids["fixed"], tmp_path / "fixed.intoto.jsonl")

    (run,) = said["predicate"]["runs"]
    assert (run["playbook"], run["target"], run["outcome"]) == ("auto-rollback", "/one", "Resolved")
    assert run["incident_id"] == day.ids["fixed"]
    assert [each["state"] for each in run["approvals"]] == ["approved"]
    assert [each["call"]["method"] for each in run["actions"]] == ["reset_canary"]
    assert [each["verdict"] for each in run["verifications"]] == ["holds"]
    assert len(said["predicate"]["deliveries"]) == 1


def test_its_subjects_are_the_plans_and_the_leaves(
    typed: Typed, day: Day, engine: sa.Engine, tmp_path: Path
) -> None:
    """By digests that everybody can calculate from an export."""
    said = stated(typed, day.ids["manual"], tmp_path / "manual.intoto.jsonl")

    (run,) = said["predicate"]["runs"]
    digests = {each["digest"]["sha256"]: each["name"] for each in said["subject"]}
    plans = {each["plan_digest"] for each in run["decisions"]}
    assert plans == {digest for digest, name in digests.items() if name.startswith("plan of ")}
    with engine.connect() as connection:
        leaves = {sha256(leaf.leaf.encode()).hexdigest() for leaf in log.leaves(connection)}
    assert leaves > digests.keys() - plans
    assert [each["state"] for each in run["temporary_changes"]] != []
    assert said["predicate"]["deliveries"] == []


def test_every_run_of_a_day_can_be_stated(typed: Typed, day: Day, tmp_path: Path) -> None:
    for name in ("undone", "again", "weekly"):
        assert stated(typed, day.ids[name], tmp_path / f"{name}.intoto.jsonl")["predicate"]["runs"]


def test_any_change_voids_a_statement(typed: Typed, day: Day, tmp_path: Path) -> None:
    file = tmp_path / "fixed.intoto.jsonl"
    stated(typed, day.ids["fixed"], file)
    said = json.loads(file.read_text())
    payload = base64.b64decode(said["payload"]).replace(b'"Resolved"', b'"Undone"')
    said["payload"] = base64.b64encode(payload).decode()

    with pytest.raises(VerificationError):
        Envelope.from_dict(said).verify([public(typed)], 1)


def test_what_is_unknown_or_cannot_be_written_is_named(
    typed: Typed, program: Program, day: Day, tmp_path: Path
) -> None:
    said = program("audit", "statement", "ffffffff", str(tmp_path / "a"))
    assert (said.code, "there is no incident and no run ffffffff" in said.err) == (1, True)
    said = program("audit", "statement", day.ids["fixed"], str(tmp_path / "no" / "a"))
    assert (said.code, "cannot be written: No such file" in said.err) == (1, True)


def test_what_the_log_does_not_have_yet_is_not_stated(
    typed: Typed, program: Program, day: Day, engine: sa.Engine, tmp_path: Path
) -> None:
    """An empty statement would be a lie."""
    run = a_run(incident_id=opened(engine))
    decided(engine, run)

    said = program("audit", "statement", str(run.id), str(tmp_path / "a"))

    assert (said.code, "no leaf about it yet" in said.err) == (1, True)
    assert not (tmp_path / "a").exists()
