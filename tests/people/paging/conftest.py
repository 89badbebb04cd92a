"""People on call in the sandbox, incidents of each severity, and blocks in a real Prefect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.config.contacts import Contacts
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.models.alert import Alert
from cct_ops.sandbox.control import SandboxControl
from tests.ledger.alerts import firing, resolved
from tests.plain import NO_TLS

BEGAN = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture
def prefect(prefect_api_url: str) -> Iterator[str]:
    """The real server, as the one that this process works with."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield prefect_api_url


class OwnPool:
    """A work pool of the real server, with one deployment of these tags in it."""

    def __init__(self, api: str, *tags: str) -> None:
        self.name = f"own-{uuid4().hex[:10]}"
        self._http = httpx.Client(base_url=api, timeout=30, trust_env=False, verify=NO_TLS)
        self.path = f"/work_pools/{self.name}"
        self.ask("POST", "/work_pools/", {"name": self.name, "type": "process"})
        flow = self.ask("POST", "/flows/", {"name": self.name}).json()
        deployed = {"name": self.name, "flow_id": flow["id"], "work_pool_name": self.name}
        deployment = self.ask("POST", "/deployments/", deployed | {"tags": list(tags)}).json()
        self.deployment = f"/deployments/{deployment['id']}"

    def ask(self, method: str, path: str, content: object = None) -> httpx.Response:
        """Ask Prefect."""
        return self._http.request(method, path, json=content).raise_for_status()

    def close(self) -> None:
        """Take everything away."""
        self.ask("DELETE", self.deployment)
        self.ask("DELETE", self.path)
        self._http.close()


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> None:
    """An address in the sandbox for everybody whom ``contacts`` names by webhook."""
    for name in ("anna", "ben", "owner"):
        monkeypatch.setenv(f"PAGES_{name.upper()}", f"{sandbox.base_url}/slack/{name}")
    monkeypatch.setenv("STATUS_PAGE", f"{sandbox.base_url}/status-page")
    monkeypatch.setenv("STATUS_PAGE_KEY", "Bearer k3y-of-the-page")


def people(*ways: dict[str, object], **more: object) -> Contacts:
    """Return contacts a, b, … who are reached in these ways."""
    known = [{"id": chr(ord("a") + number)} | way for number, way in enumerate(ways)]
    return Contacts.model_validate({"contacts": known} | more)


def env(name: str) -> dict[str, object]:
    """Return the way by an address in this variable."""
    return {"webhook": {"env": name}}


def fires(engine: sa.Engine, severity: str, name: str = "A", **annotations: str) -> UUID:
    """Open an incident, and let a controller have routed it."""
    (incident,) = _record(engine, _alert(severity, name, annotations))
    with engine.begin() as tx:
        tx.execute(
            sa.update(dispatches)
            .where(dispatches.c.incident_id == incident)
            .values(state="notified")
        )
    return incident


def ends(engine: sa.Engine, severity: str, name: str = "A") -> None:
    """Let its sender say that it is over."""
    _record(engine, resolved(_alert(severity, name, {}), BEGAN + timedelta(minutes=2)))


def _alert(severity: str, name: str, annotations: dict[str, str]) -> Alert:
    labels = {"alertname": name, "severity": severity, "route": "/daily-summary"}
    return firing(BEGAN, annotations=annotations, **labels)


def _record(engine: sa.Engine, alert: Alert) -> list[UUID]:
    body = f"{alert.status} {alert.labels}".encode()
    return list(deliveries.record(engine, "am", body, [alert]).incidents)


def said(sandbox: SandboxControl) -> list[tuple[str, str]]:
    """Return who was notified of what, in order."""
    return [
        (message.path.removeprefix("/slack/"), message.body["text"])
        for message in sandbox.slack_messages()
    ]
