"""Runs in Prefect, created so that asking twice gives one run."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from cct_ops.clients.deployments import creating
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.models.run import TRACEPARENT, name_of

# Two requests, each asked again once, must fit into the controller's lease.
TIMEOUT_SECONDS = 5

# Our request is wrong: no repetition helps. (401 and 403 are not among them: they are about the
# controller's credentials, hence about every row, and end when a person corrects those.)
_REFUSALS = frozenset({400, 404, 409, 413, 422})


class _Wanted(NamedTuple):
    """A run that is to be."""

    parameters: dict[str, str | int]
    key: str
    tags: list[str]
    labels: dict[str, bool | int | float | str] | None = None


class Runs:
    """Prefect's API as far as the controller needs it; safe to use from several threads."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        if not PREFECT_API_URL.value():
            # Prefect would start a server of its own, and the runs would stay in there.
            raise BadConfiguration("PREFECT_API_URL is not set: set it to Prefect's API.")
        self._client: SyncPrefectClient = get_client(
            sync_client=True, httpx_settings={"timeout": timeout_seconds}
        )
        # Prefect's own retries would hold a row past its lease; ours are in the ledger. Made once:
        # every change of Prefect's settings takes some 25 ms.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            self._settings = contextvars.copy_context()
        self._deployments: dict[str, UUID] = {}

    def __enter__(self) -> Self:
        """Open the connections."""
        self._client.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Close them."""
        self._client.__exit__(*error)

    def create(
        self,
        playbook: str,
        parameters: Mapping[str, str | int],
        *,
        key: str,
        tags: list[str],
        traceparent: str | None = None,
    ) -> FlowRun:
        """
        Return the run of this idempotency key; it is created if there is none yet.

        It goes on with the trace of ``traceparent``, which stands where Prefect keeps its own.
        Raises ``Rejected`` where repeating cannot help, and ``Unavailable`` where it can.
        """
        try:
            with creating(playbook, _REFUSALS, then=", and then give the incident another try"):
                made = _Wanted(dict(parameters), key, tags)
                if traceparent:
                    made = made._replace(labels={TRACEPARENT: traceparent})
                return self._settings.copy().run(self._create, playbook, made)
        except ValueError as error:
            raise Unavailable("Prefect's answer cannot be read.") from error

    def _create(self, playbook: str, wanted: _Wanted) -> FlowRun:
        try:
            return self._ask(playbook, wanted)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:
                raise
        self._deployments.pop(playbook, None)  # it was deployed anew, under another id
        return self._ask(playbook, wanted)

    def _ask(self, playbook: str, wanted: _Wanted) -> FlowRun:
        known = self._deployments.get(playbook)
        if known is None:
            known = self._client.read_deployment_by_name(f"{playbook}/{playbook}").id
            self._deployments[playbook] = known
        return self._client.create_flow_run_from_deployment(
            known,
            parameters=wanted.parameters,
            tags=wanted.tags,
            idempotency_key=wanted.key,
            name=name_of(playbook, wanted.parameters),
            labels=wanted.labels,
        )
