"""The doctor obeys what the ledger knows of a key, and of the silence that CCT asked for."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.refused_keys import forget
from cct_ops.sandbox.control import SandboxControl
from tests.doctor.conftest import Doctor


def test_a_key_that_was_refused_before_is_not_tried_at_all(
    doctor: Doctor,
    sandbox: SandboxControl,
    ledger_url: SecretStr,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", "not-a-key-of-the-sandbox")

    first = doctor()[1]["cct"]
    second = doctor()[1]["cct"]
    forget(engine)
    LedgerPacer(engine, sandbox.base_url, limit=30, kept_for_writes=6).back_off(600)
    third = doctor()[1]["cct"]

    assert "401 UNAUTHORIZED" in first
    assert "it is not sent again" in second
    assert "asked for silence (429)" in third
    assert len(sandbox.requests()) == 1
