"""The doctor reaches others as the playbooks do: as patiently, and by the same ways."""

from __future__ import annotations

import pytest

from cct_ops.doctor.finding import ANSWER_SECONDS
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.stack.postgres import free_port
from tests.conftest import API_KEY
from tests.doctor.conftest import Doctor


def test_a_cct_that_is_slow_is_given_the_time_that_playbooks_give_it(
    doctor: Doctor, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", API_KEY)
    sandbox.faults(Fault(path="/api/v1/security/status", latency_ms=(ANSWER_SECONDS + 0.5) * 1000))

    code, lines = doctor()

    assert code == 0
    assert lines["cct"].startswith("✓ ")


def test_silences_that_cannot_be_read_block_every_change_so_they_are_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_ALERTMANAGER_URL", f"http://127.0.0.1:{free_port()}")

    code, lines = doctor()

    assert code == 1
    assert lines["silences"].startswith("✗ ")
    assert "SSL_CERT_FILE" in lines["silences"]
