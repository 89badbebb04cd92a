"""A real Prefect server, with one deployment whose runs nobody works on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg

from cct_ops.models.run import incident_of
from cct_ops.stack.postgres import free_port
from evaluation.soak.parts import Ledger, Process, killed_in_the_end, running

PLAYBOOK = "soak"
PAGE = 200


class Prefect(Process):
    """The server, which can be killed and started again."""

    def __init__(self, made: Ledger) -> None:
        port = free_port()
        self.api_url = f"http://127.0.0.1:{port}/api"
        env = {
            "PREFECT_HOME": str(made.folder / "prefect"),
            "PREFECT_API_DATABASE_CONNECTION_URL": made.server.asyncpg_url("prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        self._admin = made.server.url("postgres").replace("+psycopg", "")
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
        super().__init__(command, env, made.folder / "prefect.log", f"{self.api_url}/health")

    def deploy(self) -> None:
        """Make the deployment."""
        flow = _post(f"{self.api_url}/flows/", {"name": PLAYBOOK})
        schema = {"type": "object", "properties": {"target": {"type": "string"}}}
        content = {"name": PLAYBOOK, "flow_id": flow["id"], "parameter_openapi_schema": schema}
        _post(f"{self.api_url}/deployments/", content)

    def open_database(self, *, opened: bool) -> None:
        """Let the server use its database again, or take it away: then it answers 500."""
        with psycopg.connect(self._admin, autocommit=True) as connection:
            allowed = b"true" if opened else b"false"
            connection.execute(b"ALTER DATABASE prefect WITH ALLOW_CONNECTIONS " + allowed)
            if not opened:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = 'prefect'"
                )


class Controller(Process):
    """A controller that starts its runs."""

    def __init__(
        self, made: Ledger, api_url: str, grouping: Mapping[str, float] | None = None
    ) -> None:
        routes = made.folder / "routes.yaml"
        routes.write_text(json.dumps(rules(grouping)))
        sources = made.folder / "sources.yaml"
        env = {
            "PREFECT_API_URL": api_url,
            "CCT_OPS_DATABASE_URL": made.url.get_secret_value(),
            "CCT_OPS_ROUTES_PATH": str(routes),
            "CCT_OPS_SOURCES_PATH": str(sources),
        }
        command = [sys.executable, "-m", "cct_ops.controller"]
        super().__init__(command, env, made.folder / "controller.log")


@contextmanager
def starting_runs(
    made: Ledger, *gateways: Process, grouping: Mapping[str, float] | None = None
) -> Iterator[tuple[Prefect, Controller]]:
    """Run gateways and a server with its deployment, for which a controller starts runs."""
    server = Prefect(made)
    controller = Controller(made, server.api_url, grouping)
    with running(*gateways, server), killed_in_the_end(controller):
        server.deploy()
        controller.start()
        yield server, controller


def rules(grouping: Mapping[str, float] | None) -> dict[str, object]:
    """Return routes that start the deployment for every alert with a route."""
    parameters = {"target": {"label": "route", "type": "route"}}
    rule = {"name": "all", "match": ['route=~"/.+"'], "playbook": PLAYBOOK, "mode": "auto"}
    limits = grouping or {"incidents": 1_000_000}
    last = {"name": "rest", "notify": True}
    return {"grouping": limits, "rules": [rule | {"parameters": parameters}, last]}


def runs(api_url: str) -> Counter[str]:
    """Count the runs of each incident."""
    return Counter(str(incident_of(run["tags"])) for run in given(api_url))


def given(api_url: str) -> list[dict[str, Any]]:
    """Return every run with what it was given."""
    found: list[dict[str, Any]] = []
    wanted = {"flows": {"name": {"any_": [PLAYBOOK]}}, "sort": "ID_DESC", "limit": PAGE}
    while page := _post(f"{api_url}/flow_runs/filter", wanted | {"offset": len(found)}):
        found += page
    return found


def _post(url: str, content: object) -> Any:
    return httpx.post(url, json=content, timeout=60, trust_env=False).raise_for_status().json()
