"""Controllers here and in processes that can be killed, and the playbooks that they start."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import httpx
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.controller.handlers import Notification, Remediation
from cct_ops.controller.loop import Controller, Lane
from cct_ops.controller.routes import Routes
from cct_ops.controller.runs import TIMEOUT_SECONDS, Runs
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.people.notifier import Notifier
from tests.approvals.parts import CONTACTS
from tests.plain import HTTP

SCHEMA = {
    "type": "object",
    "properties": {"target": {"type": "string"}, "mode": {"enum": ["observe", "approve", "auto"]}},
    "required": ["target"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Playbook:
    """A deployment of this test's own on the real Prefect server."""

    api_url: str
    name: str

    def deploy(
        self,
        schema: dict[str, object] | None = None,
        tags: Sequence[str] = (),
        schedules: Sequence[str] = (),
        **code: str,
    ) -> UUID:
        """Make or replace the deployment; ``code`` is where its flow is, if that matters."""
        deployment = {
            "name": self.name,
            "flow_id": flow_id(self.api_url, self.name),
            "enforce_parameter_schema": True,
            "parameter_openapi_schema": schema or SCHEMA,
            "tags": list(tags),
            "schedules": [{"schedule": {"cron": cron}, "active": True} for cron in schedules],
            **code,
        }
        return UUID(self._post("/deployments/", deployment).json()["id"])

    def delete(self, deployment_id: UUID) -> None:
        """Take the deployment away; its runs stay."""
        url = f"{self.api_url}/deployments/{deployment_id}"
        HTTP.delete(url).raise_for_status()

    def runs(self) -> list[dict[str, object]]:
        """Return all runs of this playbook, whatever deployment they came from."""
        wanted = {"flows": {"name": {"any_": [self.name]}}}
        found: list[dict[str, object]] = self._post("/flow_runs/filter", wanted).json()
        return found

    def _post(self, path: str, content: object) -> httpx.Response:
        url = f"{self.api_url}{path}"
        return HTTP.post(url, json=content).raise_for_status()


@cache
def flow_id(api_url: str, name: str) -> str:
    """Return the flow's id; it is made once, and nobody takes it away."""
    answer = HTTP.post(f"{api_url}/flows/", json={"name": name}).raise_for_status()
    return str(answer.json()["id"])


def routes_to(playbook: str, **grouping: float) -> Routes:
    """Return rules that start the playbook for a rolled-back canary, and report the rest."""
    rule = {
        "name": "rolled-back",
        "match": ['alertname="CanaryRolledBack"'],
        "playbook": playbook,
        "mode": "auto",
        "parameters": {"target": {"label": "route", "type": "route"}},
    }
    rules = [rule, {"name": "the-rest", "notify": True}]
    return Routes.model_validate({"rules": rules, "grouping": grouping})


def dispatch(
    engine: sa.Engine, incident: UUID, purpose: str = outbox.REMEDIATE
) -> sa.Row[tuple[object, ...]] | None:
    """Return the incident's row, if it is there yet."""
    with engine.connect() as connection:
        return connection.execute(
            sa.select(dispatches).where(
                dispatches.c.incident_id == incident, dispatches.c.purpose == purpose
            )
        ).one_or_none()


def state(engine: sa.Engine, incident: UUID, purpose: str = outbox.REMEDIATE) -> str | None:
    """Return where the incident's row stands."""
    row = dispatch(engine, incident, purpose)
    return None if row is None else str(row.state)


@contextmanager
def dispatching(
    engine: sa.Engine,
    api_url: str,
    routes: Routes,
    slack_webhook_url: str | None = None,
    lease_seconds: float = 30,
    timeout_seconds: float = TIMEOUT_SECONDS,
    poll_seconds: float = 0.2,
) -> Iterator[None]:
    """Run a controller inside this process."""
    with temporary_settings({PREFECT_API_URL: api_url}):
        runs = Runs(timeout_seconds)
    slack = None if slack_webhook_url is None else SecretStr(slack_webhook_url)
    with runs:
        controller = Controller(
            engine,
            [
                Lane(outbox.REMEDIATE, 4, Remediation(engine, routes, runs)),
                Lane(
                    outbox.NOTICE,
                    1,
                    Notification(engine, Notifier(engine, slack), routes, CONTACTS.severity_of),
                ),
            ],
            lease_seconds=lease_seconds,
            poll_seconds=poll_seconds,
        )
        ready = threading.Event()
        thread = threading.Thread(target=controller.run, args=(ready.set,))
        thread.start()
        try:
            assert ready.wait(30)
            yield
        finally:
            controller.stop()
            thread.join(30)
            assert not thread.is_alive()


def dispatch_until_killed(ledger_url: str, api_url: str, playbook: str) -> None:
    """Be a controller whose rows come back soon; the main function of a process of its own."""
    engine = connect(SecretStr(ledger_url))
    with dispatching(engine, api_url, routes_to(playbook), lease_seconds=0.5):
        threading.Event().wait()
