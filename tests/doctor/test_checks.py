"""Each check of the doctor: what it finds, and what it says to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.doctor import links
from cct_ops.doctor.check import ANSWER_SECONDS
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.refused_keys import forget
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.settings import Settings
from cct_ops.stack.postgres import free_port
from tests.conftest import API_KEY
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


@pytest.mark.parametrize(
    ("host", "gateway", "prefect", "signs"),
    [
        ("127.0.0.1", None, None, "-"),
        ("0.0.0.0", None, None, "✗!"),  # noqa: S104 -- where somebody may listen
        ("::", "http://localhost:8080", "http://[::1]:4200", "✗!"),
        ("10.0.0.1", "http://0.0.0.0:8330", "http://[::]:4200", "✗✗"),
        ("0.0.0.0", "https://ops.example", "https://prefect.example", "✓✓"),  # noqa: S104
    ],
)
def test_links_that_people_elsewhere_cannot_open_are_found(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    gateway: str | None,
    prefect: str | None,
    signs: str,
) -> None:
    monkeypatch.setenv("CCT_OPS_GATEWAY_HOST", host)
    for name, value in (("GATEWAY_URL", gateway), ("PREFECT_UI_URL", prefect)):
        if value is not None:
            monkeypatch.setenv(f"CCT_OPS_{name}", value)

    found = links.look(Settings.load())

    ours = [each for each in found if prefect is not None or "approvals" in each.seen]
    assert "".join(each.sign for each in ours) == signs[: len(ours)]
    assert "CCT_OPS_GATEWAY_URL" in found[0].fix or signs[0] == "✓"
    assert doctor()[1]["links"]


def test_a_cct_that_is_slow_is_given_the_time_that_playbooks_give_it(
    doctor: Doctor, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", API_KEY)
    sandbox.faults(Fault(path="/api/v1/security/status", latency_ms=(ANSWER_SECONDS + 0.5) * 1000))

    code, lines = doctor()

    assert code == 0
    assert lines["cct"].startswith("✓ ")


def test_silences_that_cannot_be_read_block_every_change_so_they_are_shown(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_ALERTMANAGER_URL", f"http://127.0.0.1:{free_port()}")

    code, lines = doctor()

    assert code == 1
    assert lines["silences"].startswith("✗ ")
    assert "SSL_CERT_FILE" in lines["silences"]


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


def test_a_source_that_cannot_tell_a_copy_from_news_is_named(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rule that holds for it; it works, so it is no error."""
    fields = {"status": "s", "firing": ["f"], "incident": ["i"], "labels": {"alertname": "n"}}
    source = {"kind": "json", "keys": [{"env": "SOME_KEY"}], "fields": fields}
    path = tmp_path / "sources.yaml"
    path.write_text(json.dumps({"sources": {"monitor": source}}))
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(path))
    monkeypatch.setenv("SOME_KEY", "a" * 32)

    _, lines = doctor()

    assert lines["sources"].startswith("! ")
    assert "monitor cannot tell a copy from news" in lines["sources"]
    assert "delivery:" in lines["sources"]
