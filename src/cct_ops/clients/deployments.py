"""Runs of our own deployments, started by key so that asking twice gives one run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from cct_ops.clients.connection import NEVER_LEFT
from cct_ops.errors import Rejected, Unavailable
from cct_ops.models.run import name_of
from cct_ops.typed import typed

_PAGE = 200
_REFUSALS = frozenset(range(500)) - {429}


def start(
    deployment: str,
    parameters: Mapping[str, object],
    *,
    key: str,
    at: datetime | None = None,
    tags: Sequence[str] = (),
    name: str | None = None,
    client: SyncPrefectClient | None = None,
) -> UUID:
    """
    Return the run of this key; it is created, for ``at`` or at once, if there is none yet.

    It is asked for over ``client``, or over a connection of its own; ``name`` is what people see of
    it until it begins. Raises ``Rejected`` when Prefect refuses, and ``Unavailable`` when it does
    not answer: unless that ``never_left``, there may be a run of this key all the same.
    """
    opened = get_client(sync_client=True) if client is None else nullcontext(client)
    with creating(deployment, _REFUSALS), opened as prefect:
        known = prefect.read_deployment_by_name(f"{deployment}/{deployment}")
        run = prefect.create_flow_run_from_deployment(
            known.id,
            parameters=dict(parameters),
            state=Scheduled(scheduled_time=at),
            idempotency_key=key,
            tags=list(tags),
            name=name or name_of(deployment, parameters),
        )
    return run.id


def schemas(client: SyncPrefectClient) -> dict[str, Mapping[str, Any]]:
    """Return the schema of the parameters of each deployment of ours, by its name."""
    return {each.name: each.parameter_openapi_schema or {} for each in listed(client)}


def listed(client: SyncPrefectClient) -> list[DeploymentResponse]:
    """Return all deployments of ours; raises ``Unavailable`` when Prefect does not answer."""
    found: list[DeploymentResponse] = []
    with answered():
        while page := client.read_deployments(limit=_PAGE, offset=len(found)):
            found += page
            if len(page) < _PAGE:
                break
    return found


@contextmanager
def creating(deployment: str, refusals: Set[int], *, then: str = "") -> Iterator[None]:
    """
    Surround the request for a run of the deployment, and turn what fails into our errors.

    Raises ``Rejected`` for those of Prefect's answers that are ``refusals``, and ``Unavailable``
    for all others; ``then`` is what people do once they have made a deployment that is missing.
    """
    with answered():
        try:
            yield
        except ObjectNotFound:
            raise Rejected(
                f"Prefect knows no deployment {deployment}/{deployment}: make it with"
                f" `{typed('deploy')}`{then}.",
                status=404,
            ) from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status not in refusals:
                raise
            raise Rejected(
                f"Prefect refused the run of {deployment} with {status}: {_detail(error.response)}",
                status=status,
            ) from error


@contextmanager
def answered() -> Iterator[None]:
    """Surround what is asked of Prefect; raises ``Unavailable`` when it does not answer."""
    try:
        yield
    except httpx.HTTPError as error:
        # What only looks asks for no run.
        never_left = isinstance(error, NEVER_LEFT) or error.request.method == "GET"
        said = f"No answer from Prefect: {type(error).__name__}."
        if isinstance(error, httpx.HTTPStatusError):
            said = f"Prefect answered {error.response.status_code}."
        raise Unavailable(said, never_left=never_left) from error


def _detail(response: httpx.Response) -> str:
    """Return Prefect's reason, short enough for a note."""
    try:
        body = json.loads(response.text)
    except (ValueError, RecursionError):
        return "no reason given"
    return str(body.get("detail", body) if isinstance(body, dict) else body)[:300]
