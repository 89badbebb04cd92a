"""The check of Prefect: reachable, with our deployments, not paused, and with a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AliasPath, BaseModel, Field

from cct_ops.config import yaml_files
from cct_ops.doctor import prefect_state
from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.doctor.ledger_base import about_clock
from cct_ops.errors import ContractBroken, Rejected, Unavailable
from cct_ops.settings import Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

MOST_DEPLOYMENTS = 200
_DEPLOY = "Deploy prefect.yaml with `cct-ops deploy`."


class _Deployment(BaseModel):
    name: str
    pool: str = Field(validation_alias=AliasPath("work_pool", "name"))


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
        return sorted({each.pool for each in self.deployments})


def look(settings: Settings) -> Sequence[Result]:
    """Reach the server, and see what is deployed there, paused and worked for."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
        temporary_settings,
    )

    from cct_ops.clients.server import seconds_ahead
    from cct_ops.stack.config import project_of

    url = PREFECT_API_URL.value()
    if url is None:  # the client would start a server of its own
        fix = "Start a stack with `cct-ops up`, or set PREFECT_API_URL."
        return [Result("prefect", Sign.UNSET, "PREFECT_API_URL is not set", fix)]
    registry = yaml_files.load(project_of(Path.cwd()) / "prefect.yaml", Registry)
    try:
        with (
            temporary_settings({PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False}),
            get_client(httpx_settings={"timeout": ANSWER_SECONDS}, sync_client=True) as client,
        ):
            known = {each.name: each for each in client.read_deployments(limit=MOST_DEPLOYMENTS)}
            ours = {name: known[name] for name in registry.names if name in known}
            return [
                _server(client, url),
                about_clock("Prefect's server", seconds_ahead(client)),
                *_leases(client, ours),
                *prefect_state.look(client, settings),
                _deployments(registry, ours),
                *_paused(client, registry, ours),
                *(_pool(client, name) for name in registry.pools),
            ]
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise Rejected(f"Prefect at {url} answered {status}.", status=status) from error
    except httpx.HTTPError as error:
        raise Unavailable(f"No answer from Prefect at {url}: {type(error).__name__}.") from error
    except ValueError as error:
        raise ContractBroken(f"What answers at {url} is not Prefect.") from error


def _server(client: SyncPrefectClient, url: str) -> Result:
    import prefect

    version = client.api_version()
    seen = f"{url} is Prefect {version}"
    if version == prefect.__version__:
        return Result("prefect", Sign.WELL, seen)
    seen += f", and here is {prefect.__version__}"
    fix = "Run the same version on both sides: others were not tried."
    return Result("prefect", Sign.LIMITED, seen, fix)


def _deployments(registry: Registry, ours: Mapping[str, DeploymentResponse]) -> Result:
    missing = sorted(registry.names - ours.keys())
    if missing:
        seen = f"not there: {', '.join(missing)}"
        return Result("deployments", Sign.BROKEN, seen, _DEPLOY)
    return Result("deployments", Sign.WELL, f"all {len(registry.names)} of prefect.yaml are there")


def _leases(client: SyncPrefectClient, ours: Mapping[str, DeploymentResponse]) -> Iterator[Result]:
    """Yield what makes the life of a run hang on a lease at Prefect's server."""
    import httpx

    from cct_ops.models.run import UPKEEP

    limited = sorted(
        name
        for name, each in ours.items()
        if each.global_concurrency_limit is not None and UPKEEP not in each.tags
    )
    if limited:
        yield Result(
            "limits",
            Sign.LIMITED,
            f"they have a concurrency limit of Prefect's: {', '.join(limited)}; a run of them"
            " is cancelled in the middle when it cannot renew its lease in time",
            "Take it away in Prefect's UI; the tag `at most N at once` limits without a lease.",
        )
    try:
        settings = client.request("GET", "/admin/settings").json()
        storage = str(settings["server"]["concurrency"]["lease_storage"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return  # another release, or one that does not show it
    if storage.rpartition(".")[2] == "memory":
        yield Result(
            "leases",
            Sign.LIMITED,
            "Prefect's server keeps the leases of its concurrency limits in memory: when it is"
            " killed, runs that hold one are cancelled in the middle",
            "Set PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE for that server, for example to"
            " prefect.server.concurrency.lease_storage.filesystem.",
        )


def _paused(
    client: SyncPrefectClient, registry: Registry, ours: Mapping[str, DeploymentResponse]
) -> Iterator[Result]:
    """Yield what rests, and hence starts no playbook."""
    from prefect.exceptions import ObjectNotFound

    from cct_ops.clients.server import rests
    from cct_ops.models.run import UPKEEP

    parts = [
        f"the deployment {name}{how}"
        for name, each in sorted(ours.items())
        if UPKEEP not in each.tags and (how := rests(each)) is not None
    ]
    sign = Sign.LIMITED
    for name in registry.pools:
        try:
            pool, queues = client.read_work_pool(name), client.read_work_queues(name)
        except ObjectNotFound:
            continue
        found = [
            f"the work queue {queue.name} of {name}{how}"
            for queue in queues
            if (how := rests(queue)) is not None
        ]
        if (how := rests(pool)) is not None:
            found.append(f"the work pool {name}{how}")
        if found:
            parts, sign = [*found, *parts], Sign.BROKEN
    if parts:
        yield Result(
            "pauses",
            sign,
            f"paused in Prefect: {', '.join(parts)}; playbooks wait, while changes are taken"
            " back and dead runs recovered all the same",
            "Resume it in Prefect's UI, or raise its limit, once nobody wants it to rest.",
        )


def _pool(client: SyncPrefectClient, name: str) -> Result:
    from prefect.exceptions import ObjectNotFound

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        return Result("worker", Sign.BROKEN, f"no work pool {name}", _DEPLOY)
    workers = client.read_workers_for_work_pool(name)
    alive = [each.name for each in workers if each.status == "ONLINE"]
    if not alive:
        fix = f"Start one: `cct-ops prefect worker start --pool {name} --type {pool.type}`."
        return Result("worker", Sign.BROKEN, f"nobody works for the work pool {name}", fix)
    return Result("worker", Sign.WELL, f"{', '.join(alive)} works for the work pool {name}")
