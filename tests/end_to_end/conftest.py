"""One stack for the tests that ask people, and what these share with those of the controller."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.config import HOST, StackConfig
from cct_ops.stack.metrics_ports import METRICS_PORTS
from cct_ops.stack.part import Restarts
from cct_ops.stack.postgres import free_port
from cct_ops.stack.up import running
from tests.conftest import ROOT
from tests.controller.conftest import playbook

__all__ = ["playbook"]

# Long enough to answer in time on a busy machine, short enough to wait for its end.
APPROVAL_SECONDS = 25
# Its tests kill parts again and again, which no stack of people has to bear.
OFTEN = Restarts(limit=50)


@dataclass(frozen=True)
class Stack:
    """A stack with its own sandbox as CCT, Slack and GitHub."""

    client: SyncPrefectClient
    engine: sa.Engine
    sandbox: SandboxControl
    env: dict[str, str]
    gateway: str
    board: str
    data: Path

    def start(
        self, playbook: str, env: Mapping[str, str] | None = None, /, **parameters: object
    ) -> UUID:
        """Start a playbook as a person does; ``env`` is what its own process is given besides."""
        deployment = self.client.read_deployment_by_name(f"{playbook}/{playbook}")
        return self.client.create_flow_run_from_deployment(
            deployment.id, parameters=parameters, job_variables={"env": dict(env or {})}
        ).id

    def state(self, run_id: UUID) -> State[object]:
        """Where the run stands."""
        state = self.client.read_flow_run(run_id).state
        assert state is not None
        return state

    def state_is(self, run_id: UUID, kind: StateType) -> Callable[[], bool]:
        """Return the fact that the run stands there."""
        return lambda: self.state(run_id).type is kind


def changes_on(sandbox: SandboxControl, route: Route) -> int:
    """How many changes CCT saw on a route since it was reset."""
    return sum(write.query.get("route") == route for write in sandbox.writes())


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that watches and waits for short times only, and is watched itself."""
    with a_stack(tmp_path_factory.mktemp("stack"), {}) as made:
        yield made


@contextmanager
def a_stack(data: Path, env: dict[str, str]) -> Iterator[Stack]:
    """Run one for as long as the block lasts, with these further variables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        config = StackConfig.ephemeral(data)
    sandbox_url = f"http://{HOST}:{config.sandbox_port}"
    short = {
        "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],  # nothing here is behind TLS
        "CCT_OPS_APPROVAL_MINUTES": str(APPROVAL_SECONDS / 60),
        "CCT_OPS_WATCH_SECONDS": "3",
        "CCT_OPS_MIN_SAMPLES": "5",
        "CCT_OPS_SETTLE_SECONDS": "2",
        "CCT_OPS_REQUESTS_PER_MINUTE": "600",
        "GITHUB_API_URL": f"{sandbox_url}/github",
        "GITHUB_REPOSITORY": "example/cct",
        "GH_TOKEN": "token",
        **{name: str(free_port()) for name in METRICS_PORTS},
        **env,
    }
    with ExitStack() as opened:
        up = opened.enter_context(
            running(config.model_copy(update={"env": short, "restarts": OFTEN}))
        )
        # Only the client is made with these: other packages' tests have another Prefect.
        settings = {
            PREFECT_API_URL: up.env["PREFECT_API_URL"],
            PREFECT_API_AUTH_STRING: up.env["PREFECT_API_AUTH_STRING"],
        }
        with temporary_settings(settings):
            client = opened.enter_context(get_client(sync_client=True))
        sandbox = opened.enter_context(SandboxControl(up.urls["cct"]))
        engine = connect(SecretStr(up.env["CCT_OPS_DATABASE_URL"]))
        opened.callback(engine.dispose)
        yield Stack(
            client, engine, sandbox, dict(up.env), up.urls["gateway"], up.urls["board"], up.data
        )
