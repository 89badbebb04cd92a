"""
Canary secrets go in everywhere a secret can, an incident goes all the way through, and none shows.

What is searched: the logs of gateway, controller and run, all of Prefect's database and all of the
ledger's, every answer, every message to the team, and the command lines of all processes. Excluded
is one column, ``deliveries.body``: it keeps what a sender sent byte by byte, as evidence.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import psycopg.sql
import pytest
import sqlalchemy as sa
import yaml
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from cct_ops.ledger.intake.tables import dispatches
from cct_ops.sandbox.control import SandboxControl, start_sandbox
from cct_ops.sandbox.inputs import Fault
from cct_ops.stack.postgres import EmbeddedPostgres
from tasks.connections import settings
from tests.approvals.parts import ANNA, APPROVERS, posted_link
from tests.conftest import ROOT
from tests.controller.running import Playbook
from tests.flows.deployment_run import DeploymentRun
from tests.flows.test_approvals import STRICT
from tests.flows.test_auto_rollback import ROUTE, pull
from tests.gateway.running import running
from tests.stack.polling import eventually, processes

CANARIES = {
    "hook key": "canary-hook-key-0123456789abcdef",
    "retiring hook key": "canary-old-hook-key-0123456789abc",
    "CCT key": "canary-cct-key-0123456789",
    "Slack address": "canary-slack-T00-B00-0123456789",
    "Slack bot token": "xoxb-canary-bot-0123456789",
    "Slack signing secret": "canary-signing-0123456789abcdef",
    "link key": "canary-link-key-0123456789abcdef",
    "address of Anna": "canary-anna-0123456789",
    "address of Ben": "canary-ben-0123456789",
    "address of a contact": "canary-contact-0123456789",
    "address of the page": "canary-status-page-0123456789",
    "key of the page": "canary-status-key-0123456789",
    "Prefect auth": "canary-user:canary-prefect-0123456789",
    "token in a label": "xoxb-0123456789-canaryInALabel",
    "token in an annotation": "ghp_canaryInAnAnnotation0123456789",
    "password in an annotation": "canary-hunter2-0123456789",
}
SOURCES = """
sources:
  alertmanager:
    kind: alertmanager
    keys: [{env: CANARY_KEY}, {env: CANARY_OLD_KEY}]
    repeat_interval_seconds: 14400
    group_interval_seconds: 300
"""
CONTACTS = """
contacts:
  - {id: anna, webhook: {env: CANARY_CONTACT}}
status_page:
  url: {env: CANARY_STATUS_PAGE}
  headers: {authorization: {env: CANARY_STATUS_KEY}}
"""


@pytest.fixture
def cct() -> Iterator[SandboxControl]:
    """A CCT whose key is a canary; its canary was pulled, and a person has to decide."""
    with start_sandbox(limits=False, api_key=CANARIES["CCT key"]) as control:
        pull(control, breach_over=False)
        # The first message is refused of the bot, so that it goes to the webhook; so are the first
        # page and the first word to the status page, which are tried again.
        refused = ("/slack/api/", "/slack/contact", "/status-page")
        control.faults(*(Fault(path=path, count=1, error_status=400) for path in refused))
        yield control


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: Path, cct: SandboxControl
) -> Iterator[dict[str, str]]:
    """The environment of all parts: each secret where it belongs, and a CCT of the test's own."""
    (tmp_path / "link-key").write_text(CANARIES["link key"])
    (tmp_path / "sources.yaml").write_text(SOURCES)
    (tmp_path / "contacts.yaml").write_text(CONTACTS)
    people = APPROVERS.model_dump(mode="json", exclude_none=True)
    (tmp_path / "approvers.yaml").write_text(yaml.safe_dump(people))
    policy.write_text(STRICT.replace("P1", ""))
    variables = {
        "CCT_URL": cct.base_url,
        "X_API_KEY": CANARIES["CCT key"],
        "SLACK_WEBHOOK_URL": f"{cct.base_url}/slack/{CANARIES['Slack address']}",
        "SLACK_BOT_TOKEN": CANARIES["Slack bot token"],
        "CCT_OPS_SLACK_CHANNEL": "incidents",
        "CCT_OPS_SLACK_API_URL": f"{cct.base_url}/slack/api/",
        "CCT_OPS_APPROVERS_PATH": str(tmp_path / "approvers.yaml"),
        "CCT_OPS_SOURCES_PATH": str(tmp_path / "sources.yaml"),
        "CCT_OPS_CONTACTS_PATH": str(tmp_path / "contacts.yaml"),
        "CANARY_CONTACT": f"{cct.base_url}/slack/contact?{CANARIES['address of a contact']}",
        "CANARY_STATUS_PAGE": f"{cct.base_url}/status-page?{CANARIES['address of the page']}",
        "CANARY_STATUS_KEY": CANARIES["key of the page"],
        "PREFECT_API_AUTH_STRING": CANARIES["Prefect auth"],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with temporary_settings({PREFECT_API_AUTH_STRING: CANARIES["Prefect auth"]}):
        yield {
            "CANARY_KEY": CANARIES["hook key"],
            "CANARY_OLD_KEY": CANARIES["retiring hook key"],
            "CCT_OPS_APPROVAL_KEY_FILE": str(tmp_path / "link-key"),
            "CCT_OPS_GATEWAY_URL": "http://gateway.test",
            "CCT_OPS_SLACK_SIGNING_SECRET": CANARIES["Slack signing secret"],
            "WEBHOOK_ANNA": f"{cct.base_url}/slack/anna?{CANARIES['address of Anna']}",
            "WEBHOOK_BEN": f"{cct.base_url}/slack/ben?{CANARIES['address of Ben']}",
        }


def alert() -> bytes:
    """An alert whose text holds secrets, as careless rules make them."""
    one = {
        "status": "firing",
        "labels": {
            "alertname": "CanaryRolledBack",
            "severity": "critical",
            "route": ROUTE,
            "sender": CANARIES["token in a label"],
        },
        "annotations": {
            "summary": f"curl failed with token {CANARIES['token in an annotation']}",
            "description": f"mysql --password={CANARIES['password in an annotation']} -h db",
        },
        "startsAt": "2026-11-23T23:29:46.931976Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    return json.dumps({"version": "4", "status": "firing", "alerts": [one]}).encode()


@contextmanager
def controller(api_url: str, log: Path) -> Iterator[None]:
    """Run a controller as a process of its own."""
    with (
        log.open("a") as out,
        subprocess.Popen(
            [sys.executable, "-m", "cct_ops.controller"],
            cwd=ROOT,
            env=os.environ | {"PREFECT_API_URL": api_url},
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            yield
        finally:
            process.kill()


def sent_to(cct: SandboxControl, path: str) -> list[dict[str, Any]]:
    """Return the messages to an address of the sandbox's Slack sink."""
    return [m.body for m in cct.slack_messages() if m.path.startswith(f"/slack/{path}")]


def running_commands() -> str:
    """Return the command lines of all processes, as ``ps`` shows them."""
    lines = []
    for process in processes():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)


def everything_stored(url: str, but: str) -> str:
    """Return all rows of a database as text, except for one column."""
    table, _, column = but.partition(".")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        names = connection.execute(
            "select tablename from pg_tables where schemaname = 'public'"
        ).fetchall()
        rows = [
            str(row[0])
            for (name,) in names
            for row in connection.execute(
                psycopg.sql.SQL("select to_jsonb(t) - %s from {} t").format(
                    psycopg.sql.Identifier(name)
                ),
                (column if name == table else "",),
            )
        ]
    return "\n".join(rows)


def started(engine: sa.Engine) -> UUID | None:
    """Return the run that the incident got, once it has one."""
    with engine.connect() as connection:
        found: UUID | None = connection.execute(sa.select(dispatches.c.flow_run_id)).scalar()
    return found


@pytest.mark.timeout(400)  # two gateways and two controllers start on the way
def test_no_secret_shows_anywhere(
    environment: dict[str, str],
    cct: SandboxControl,
    postgres: EmbeddedPostgres,
    prefect_api_url: str,
    engine: sa.Engine,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """On the way the gateway and the controller are killed, and a link outlives both."""
    caplog.set_level(logging.INFO)
    ledger = os.environ["CCT_OPS_DATABASE_URL"]
    tmp_path = Path(environment["CCT_OPS_APPROVAL_KEY_FILE"]).parent
    gateway_log, controller_log = tmp_path / "gateway.log", tmp_path / "controller.log"
    Playbook(prefect_api_url, "auto-rollback").deploy()
    with get_client(sync_client=True) as client:
        with (
            running(ledger, gateway_log, **environment) as gateway,
            controller(prefect_api_url, controller_log),
        ):
            for key in ("hook key", "retiring hook key"):
                assert gateway.post(alert(), key=CANARIES[key]).status_code == 202
            refused = [
                gateway.post(alert(), key="canary-wrong-0123456789abcd"),
                gateway.sender.post("/slack/interactions", content=b"payload=1"),
                gateway.sender.get("/approvals/forged"),
            ]
            eventually(lambda: started(engine) is not None, seconds=60)
            run_id = started(engine)
            assert run_id is not None
            case = DeploymentRun(client, engine, "auto-rollback", run_id)
            assert case.work() == "Suspended"
            eventually(lambda: bool(sent_to(cct, "anna") and sent_to(cct, "contact")), seconds=60)
            eventually(lambda: bool(cct.status_page()), seconds=60)
            seen = gateway_log.read_text() + running_commands()
        link = posted_link(cct, ANNA)
        asked = case.approval()
        with (
            running(ledger, gateway_log.with_suffix(".2"), **environment) as gateway,
            controller(prefect_api_url, controller_log),
        ):
            form = {"decision": "approve", "digest": asked.plan_digest}
            assert gateway.sender.post(link, data=form).status_code == 200
            eventually(lambda: case.run().state_name == "Resuming", seconds=60)
            assert case.work() == "Resolved"
            broken = gateway.sender.post(link, data=form)
            browser = str(gateway.sender.base_url)  # this process is the approver's browser as well
        assert broken.status_code == 409

    seen += "".join(f"{each.text}{each.headers}" for each in [*refused, broken])
    seen += gateway_log.with_suffix(".2").read_text() + controller_log.read_text()
    own = caplog.text + "".join(capfd.readouterr())
    seen += "\n".join(line for line in own.splitlines() if browser not in line)
    through_webhook, through_bot = sent_to(cct, "canary"), sent_to(cct, "api")
    assert through_webhook != []
    assert through_bot != []
    (public,) = cct.status_page()
    assert public.headers["authorization"] == CANARIES["key of the page"]
    seen += json.dumps(through_webhook + through_bot + sent_to(cct, "contact"))
    seen += json.dumps(public.body)
    seen += everything_stored(ledger, but="deliveries.body")
    seen += everything_stored(postgres.url("prefect"), but="")
    password = sa.make_url(ledger).password
    token = link.rpartition("/")[2]
    secrets = CANARIES | {"database password": str(password), "link": token}
    assert {name: shown(secret, seen) for name, secret in secrets.items()} == dict.fromkeys(
        secrets, 0
    )
    # The search does find what is there: the alert's tokens, in the one column that is excluded.
    assert shown(CANARIES["token in a label"], everything_stored(ledger, but="")) == 1


def shown(secret: str, text: str) -> int:
    """Count a secret in a text, as it is and as the bytes of a column."""
    return text.count(secret) + text.count(secret.encode().hex())
