"""The doctor says how far a witness over HTTP and an authority for time stamps are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import switches
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key, read_key
from tests.doctor.conftest import Doctor
from tests.record.stamping import answering, certified, needs_openssl
from tests.record.witnessing import running


def test_a_witness_that_cosigns_is_asked_how_far_it_is(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger_url: SecretStr
) -> None:
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(tmp_path))
    policy = tmp_path / "policy.yaml"
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(policy))
    keep_key(tmp_path)
    engine, key = connect(ledger_url), str(read_key(tmp_path).verifier)
    with running(tmp_path / "state", [key]) as cosigner:
        named = f"[{{http: '{cosigner.url}', key: '{cosigner.key}'}}]"
        policy.write_text(f"playbooks: {{}}\naudit: {{witnesses: {named}}}\n")
        assert "is asked by the controller" in doctor()[1]["log"]
        monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
        assert "has cosigned nothing yet" in doctor()[1]["log"]

        switches.stop(engine, "news", "ada")
        Recorder(engine, tmp_path, cosigner.policy)()
        assert doctor()[1]["log"].startswith("✓ log")
        assert f"{cosigner.url} has cosigned 1 leaf" in doctor()[1]["log"]
    log = doctor()[1]["log"]
    assert log.startswith("✗ log")
    assert "does not answer: ConnectError" in log
    engine.dispose()


@needs_openssl
def test_what_was_stamped_last_is_said(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger_url: SecretStr
) -> None:
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(tmp_path))
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    policy = tmp_path / "policy.yaml"
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(policy))
    keep_key(tmp_path)
    engine = connect(ledger_url)
    with answering(certified(tmp_path / "tsa")) as tsa:
        named = f"{{url: '{tsa.url}', certificates: tsa/ca.pem}}"
        policy.write_text(f"playbooks: {{}}\naudit: {{time_stamps: {named}}}\n")
        assert "has stamped nothing yet" in doctor()[1]["log"]
        switches.stop(engine, "news", "ada")
        Recorder(engine, tmp_path, tsa.policy())()
        assert f"✓ log         {tsa.url} has stamped 1 leaf" in doctor()[1]["log"]
        tsa.root.unlink()
        assert "ca.pem: No such file" in doctor()[1]["log"]
    engine.dispose()
