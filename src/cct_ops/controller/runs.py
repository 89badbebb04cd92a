"""Runs in Prefect, created so that asking twice gives one run."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from cct_ops.errors import BadConfiguration, Rejected, Unavailable
from cct_ops.typed import typed

# Two requests, each asked again once, must fit into the controller's lease.
TIMEOUT_SECONDS = 5

# Our request is wrong: no repetition helps. (401 and 403 are not among them: they are about the
# controller's credentials, hence about every row, and end when a person corrects those.)
_REFUSALS = frozenset({400, 404, 409, 413, 422})


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
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Open the connections."""
        self._client.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them."""
        self._client.__exit__(kind, error, traceback)

    def create(
        self, playbook: str, parameters: Mapping[str, str | int], *, key: str, tags: list[str]
    ) -> FlowRun:
        """
        Return the run of this idempotency key; it is created if there is none yet.

        Raises ``Rejected`` where repeating cannot help, and ``Unavailable`` where it can.
        """
        try:
            return self._settings.copy().run(self._create, playbook, parameters, key, tags)
        except ObjectNotFound:
            raise Rejected(
                f"Prefect knows no deployment {playbook}/{playbook}: make it with"
                f" `{typed('deploy')}`, and then give the incident another try.",
                status=404,
            ) from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status in _REFUSALS:
                raise Rejected(
                    f"Prefect refused the run of {playbook} with {status}:"
                    f" {_detail(error.response)}",
                    status=status,
                ) from error
            raise Unavailable(f"Prefect answered {status}.") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"No answer from Prefect: {type(error).__name__}.") from error
        except ValueError as error:
            raise Unavailable("Prefect's answer cannot be read.") from error

    def _create(
        self, playbook: str, parameters: Mapping[str, str | int], key: str, tags: list[str]
    ) -> FlowRun:
        try:
            return self._ask(playbook, parameters, key, tags)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:
                raise
        self._forget(playbook)  # it was deployed anew, under another id
        return self._ask(playbook, parameters, key, tags)

    def _ask(
        self, playbook: str, parameters: Mapping[str, str | int], key: str, tags: list[str]
    ) -> FlowRun:
        return self._client.create_flow_run_from_deployment(
            self._deployment(playbook), parameters=dict(parameters), tags=tags, idempotency_key=key
        )

    def _deployment(self, playbook: str) -> UUID:
        """Return the deployment's id, asked for once."""
        with self._lock:
            known = self._deployments.get(playbook)
        if known is None:
            known = self._client.read_deployment_by_name(f"{playbook}/{playbook}").id
            with self._lock:
                self._deployments[playbook] = known
        return known

    def _forget(self, playbook: str) -> None:
        with self._lock:
            self._deployments.pop(playbook, None)


def _detail(response: httpx.Response) -> str:
    """Return Prefect's reason, short enough for a note."""
    try:
        body = json.loads(response.text)
    except (ValueError, RecursionError):
        return "no reason given"
    return str(body.get("detail", body) if isinstance(body, dict) else body)[:300]
