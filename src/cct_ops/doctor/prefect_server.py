"""Prefect: whether it is there, knows all our deployments, and somebody works for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from cct_ops import config_file
from cct_ops.doctor.finding import ANSWER_SECONDS, Check, Finding, Sign
from cct_ops.errors import ContractBroken, Rejected, Unavailable

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

MOST_DEPLOYMENTS = 200


class _Pool(BaseModel):
    name: str


class _Deployment(BaseModel):
    name: str
    work_pool: _Pool


class Registry(BaseModel):
    """The part of prefect.yaml that the server must know."""

    deployments: list[_Deployment]

    @property
    def names(self) -> set[str]:
        """The deployments."""
        return {each.name for each in self.deployments}

    @property
    def pools(self) -> list[str]:
        """The work pools."""
        return sorted({each.work_pool.name for each in self.deployments})


def checks() -> Iterator[Check]:
    """Yield the check."""
    yield Check("prefect", _look, "Start Prefect, or correct PREFECT_API_URL and its credentials.")


def _look() -> Sequence[Finding]:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
        temporary_settings,
    )

    from cct_ops.stack.config import project_of

    url = PREFECT_API_URL.value()
    if url is None:  # the client would start a server of its own
        fix = "Start a stack with `cct-ops up`, or set PREFECT_API_URL."
        return [
            Finding(part="prefect", sign=Sign.UNSET, seen="PREFECT_API_URL is not set", fix=fix)
        ]
    registry = config_file.load(project_of(Path.cwd()) / "prefect.yaml", Registry)
    try:
        with (
            temporary_settings({PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}),
            get_client(httpx_settings={"timeout": ANSWER_SECONDS}, sync_client=True) as client,
        ):
            return [
                _server(client, url),
                _deployments(client, registry),
                *(_pool(client, name) for name in registry.pools),
            ]
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise Rejected(f"Prefect at {url} answered {status}.", status=status) from error
    except httpx.HTTPError as error:
        raise Unavailable(f"No answer from Prefect at {url}: {type(error).__name__}.") from error
    except ValueError as error:
        raise ContractBroken(f"What answers at {url} is not Prefect.") from error


def _server(client: SyncPrefectClient, url: str) -> Finding:
    import prefect

    version = client.api_version()
    seen = f"{url} is Prefect {version}"
    if version == prefect.__version__:
        return Finding(part="prefect", sign=Sign.WELL, seen=seen)
    return Finding(
        part="prefect",
        sign=Sign.LIMITED,
        seen=f"{seen}, and here is {prefect.__version__}",
        fix="Run the same version on both sides: others were not tried.",
    )


def _deployments(client: SyncPrefectClient, registry: Registry) -> Finding:
    known = {each.name: each for each in client.read_deployments(limit=MOST_DEPLOYMENTS)}
    missing = sorted(registry.names - known.keys())
    if missing:
        return Finding(
            part="deployments",
            sign=Sign.BROKEN,
            seen=f"not there: {', '.join(missing)}",
            fix="Deploy prefect.yaml with `cct-ops deploy`.",
        )
    paused = sorted(name for name in registry.names if known[name].paused)
    if paused:
        return Finding(
            part="deployments",
            sign=Sign.LIMITED,
            seen=f"their schedules are paused: {', '.join(paused)}",
            fix="Resume them in Prefect's UI if nobody wants them to rest.",
        )
    seen = f"all {len(registry.names)} of prefect.yaml are there"
    return Finding(part="deployments", sign=Sign.WELL, seen=seen)


def _pool(client: SyncPrefectClient, name: str) -> Finding:
    from prefect.exceptions import ObjectNotFound

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        fix = "Deploy prefect.yaml with `cct-ops deploy`."
        return Finding(part="worker", sign=Sign.BROKEN, seen=f"no work pool {name}", fix=fix)
    if pool.is_paused:
        return Finding(
            part="worker",
            sign=Sign.BROKEN,
            seen=f"the work pool {name} is paused",
            fix=f"Let it go on: `cct-ops prefect work-pool resume {name}`.",
        )
    workers = client.read_workers_for_work_pool(name)
    alive = [each.name for each in workers if each.status == "ONLINE"]
    if not alive:
        return Finding(
            part="worker",
            sign=Sign.BROKEN,
            seen=f"nobody works for the work pool {name}",
            fix=f"Start one: `cct-ops prefect worker start --pool {name} --type {pool.type}`.",
        )
    seen = f"{', '.join(alive)} works for the work pool {name}"
    return Finding(part="worker", sign=Sign.WELL, seen=seen)
