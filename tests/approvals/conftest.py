"""The gateway's application with the approvers' side, on this test's ledger."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
import yaml
from fastapi import FastAPI
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.controller.approvals import People
from cct_ops.gateway.approvals.link_sender import LinkSender
from cct_ops.gateway.approvals.mount import mount_approvals
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.settings import Settings
from tests.approvals.parts import APPROVERS, CONTACTS, Door
from tests.approvals.waiting_runs import Prefect
from tests.controller.running import Playbook
from tests.plain import NO_TLS

LINK_KEY = "the-key-of-the-links-0123456789abcdef"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def approvers_path(tmp_path: Path) -> Path:
    """The allow-list, as a file."""
    path = tmp_path / "approvers.yaml"
    path.write_text(yaml.safe_dump(APPROVERS.model_dump(mode="json", exclude_none=True)))
    return path


@pytest.fixture
def gateway_environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ledger_url: SecretStr,
    sandbox: SandboxControl,
    approvers_path: Path,
) -> dict[str, str]:
    """What a gateway finds in its environment, and this process too."""
    key = tmp_path / "link-key"
    key.write_text(LINK_KEY)
    variables = {
        "CCT_OPS_DATABASE_URL": ledger_url.get_secret_value(),
        "CCT_OPS_APPROVERS_PATH": str(approvers_path),
        "CCT_OPS_APPROVAL_KEY_FILE": str(key),
        "CCT_OPS_GATEWAY_URL": "http://testserver",
        "CCT_OPS_SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "CCT_OPS_SLACK_RESPONSE_BASE": sandbox.base_url,
        "WEBHOOK_ANNA": f"{sandbox.base_url}/slack/anna",
        "WEBHOOK_BEN": f"{sandbox.base_url}/slack/ben",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def door(
    gateway_environment: dict[str, str], engine: sa.Engine, sandbox: SandboxControl
) -> Iterator[Door]:
    """A browser in front of the gateway, and the sender of links."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    link_sender = mount_approvals(app, engine, Settings.load())
    assert isinstance(link_sender, LinkSender)
    with (
        served(app) as url,
        httpx.Client(base_url=url, timeout=20, trust_env=False, verify=NO_TLS) as browser,
    ):
        yield Door(browser, link_sender, sandbox)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application from a thread, on a port that the system chooses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def prefect(prefect_api_url: str) -> Iterator[Prefect]:
    """The real server."""
    deployment_id = Playbook(prefect_api_url, f"playbook-{uuid4().hex[:12]}").deploy()
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
    ):
        yield Prefect(client, deployment_id)


@pytest.fixture
def people(engine: sa.Engine, sandbox: SandboxControl) -> People:
    """Who is notified, through the sandbox's Slack sink."""
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    return People(APPROVERS, CONTACTS, notifier)
