"""Each check of the doctor, also of a real Prefect server: what it finds, what it says to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.doctor import links
from cct_ops.doctor.check import ANSWER_SECONDS
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.refused_keys import forget
from cct_ops.record import tree, witness
from cct_ops.record.keys import keep_key
from cct_ops.record.notes import Checkpoint
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.settings import Settings
from cct_ops.stack.postgres import free_port
from tests.conftest import API_KEY
from tests.doctor.conftest import POOL, Doctor

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


@flow(name="doctored")
def doctored() -> None:
    """A flow to deploy."""


@contextmanager
def deployed(client: SyncPrefectClient) -> Iterator[UUID]:
    """Make the deployment of the project and its work pool, and take them away in the end."""
    client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    flow_id = client.create_flow_from_name("doctored")
    deployment = client.create_deployment(flow_id, "doctored", work_pool_name=POOL)
    try:
        yield deployment
    finally:
        client.delete_work_pool(POOL)
        client.delete_deployment(deployment)


def test_prefect_with_its_deployments_and_a_worker(doctor: Doctor, prefect_api_url: str) -> None:
    code, lines = doctor(prefect_api_url=prefect_api_url)
    assert code == 1
    assert lines["prefect"].startswith("✓ ")
    assert "not there: doctored" in lines["deployments"]
    assert f"no work pool {POOL}" in lines["worker"]

    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client),
    ):
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert code == 1
        assert lines["deployments"].startswith("✓ ")
        assert f"nobody works for the work pool {POOL}" in lines["worker"]

        client.send_worker_heartbeat(POOL, "a-worker", heartbeat_interval_seconds=30)
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert code == 0
        assert f"a-worker works for the work pool {POOL}" in lines["worker"]
        assert "pauses" not in lines
        assert "limits" not in lines


def test_whatever_is_paused_in_prefect_is_named(doctor: Doctor, prefect_api_url: str) -> None:
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client) as deployment,
    ):
        client.send_worker_heartbeat(POOL, "a-worker", heartbeat_interval_seconds=30)
        client.update_deployment(deployment, DeploymentUpdate(paused=True))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert (code, lines["pauses"][0]) == (0, "!")
        assert "the deployment doctored" in lines["pauses"]

        (queue,) = client.read_work_queues(POOL)
        client.update_work_queue(queue.id, is_paused=True)
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert (code, lines["pauses"][0]) == (1, "✗")
        assert f"the work queue default of {POOL}, the deployment doctored" in lines["pauses"]

        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert f"the work pool {POOL}" in lines["pauses"]
        assert "a-worker works" in lines["worker"], "reverts go on, and need it"

        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False, concurrency_limit=0))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert f"the work pool {POOL} (limit 0)" in lines["pauses"]


def test_what_a_runs_life_hangs_on_at_prefects_server_is_shown(
    doctor: Doctor, prefect_api_url: str
) -> None:
    """Leases in memory, and a concurrency limit that is held by one."""
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client) as deployment,
    ):
        client.update_deployment(deployment, DeploymentUpdate(concurrency_limit=3))
        _, lines = doctor(prefect_api_url=prefect_api_url)

    assert "concurrency limit of Prefect's: doctored" in lines["limits"]
    assert "leases of its concurrency limits in memory" in lines["leases"]
    assert "lease_storage.filesystem" in lines["leases"]


def test_a_prefect_that_is_away_or_something_else_is_broken(
    doctor: Doctor, sandbox: SandboxControl
) -> None:
    code, lines = doctor(prefect_api_url=f"http://127.0.0.1:{free_port()}/api")
    assert (code, "No answer from Prefect" in lines["prefect"]) == (1, True)

    code, lines = doctor(prefect_api_url=f"{sandbox.base_url}/api")
    assert (code, lines["prefect"][0]) == (1, "✗")


def test_the_log_needs_a_key_and_says_what_its_witness_has_seen(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(tmp_path))

    code, lines = doctor()
    assert code == 1
    assert f"cannot be read: {tmp_path / 'log.key'}" in lines["log"]

    keep_key(tmp_path)
    checkpoint = Checkpoint("log", 1, tree.leaf_hash(b"it"))
    with witness.appending(tmp_path / "witness.jsonl") as writer:
        writer.append(checkpoint.body(), [checkpoint.root], "2026-01-01T00:00:00.000000Z")
    code, lines = doctor()
    assert (code, lines["log"][0]) == (0, "✓")
    assert "witness.jsonl has seen 1 leaf" in lines["log"]


def test_a_stack_that_is_there_and_does_not_run_is_not_well(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody who is on call takes that for nothing set up."""
    monkeypatch.delenv("CCT_OPS_DATABASE_URL", raising=False)
    monkeypatch.setenv("CCT_OPS_DATA", str(tmp_path))
    assert "no stack runs from this folder" in doctor()[1]["ledger"]

    (tmp_path / "postgres").mkdir()
    code, lines = doctor()

    assert code == 1
    assert f"the stack in {tmp_path} is not running. Start it: `cct-ops up`." in lines["ledger"]
