"""The doctor knows who is on call and whether each can be reached, and pages nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from cct_ops.sandbox.control import SandboxControl
from tests.doctor.conftest import Doctor

KEY = "k3y-that-nobody-may-see"


def test_who_is_on_call_is_looked_up_and_not_paged(
    doctor: Doctor,
    prefect_api_url: str,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: SandboxControl,
    tmp_path: Path,
) -> None:
    """A block that is not there is an error; so is an address that is none, which is not shown."""
    path = tmp_path / "contacts.yaml"
    path.write_text(
        "contacts:\n  - {id: a, webhook: {env: WAY_A}}\n  - {id: b, block: slack-webhook/none}\n"
        "status_page: {url: {env: PUBLIC}, headers: {authorization: {env: PUBLIC_KEY}}}\n"
    )
    monkeypatch.setenv("CCT_OPS_CONTACTS_PATH", str(path))
    monkeypatch.setenv("WAY_A", f"{sandbox.base_url}/slack/a")
    monkeypatch.setenv("PUBLIC", KEY)
    monkeypatch.setenv("CCT_OPS_HEARTBEAT_URL", KEY)

    code, lines = doctor(prefect_api_url=prefect_api_url)

    assert code == 1
    assert lines["contacts"].startswith("✗ ")
    assert "not reached: b: Prefect has no block slack-webhook/none" in lines["contacts"]
    assert "PUBLIC is not an http(s) URL" in lines["status-page"]
    assert "PUBLIC_KEY is not set" in lines["status-page"]
    assert lines["outside"].startswith("✗ ")
    assert sandbox.slack_messages() == []
    assert KEY not in "".join(lines.values())
