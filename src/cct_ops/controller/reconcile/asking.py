"""Questions to a sender's own API: only to its configured address, and no redirect is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from cct_ops.config.secret_references import read_secret
from cct_ops.config.sources import Reconciliation
from cct_ops.errors import BadConfiguration, ContractBroken, Rejected, Unavailable
from cct_ops.ledger.intake import deliveries
from cct_ops.models.alert import Alert

TIMEOUT_SECONDS = 10

Json = object


class Api:
    """One sender's API."""

    def __init__(self, name: str, client: httpx.Client) -> None:
        self._name = name
        self._client = client

    def get(self, path: str, **parameters: str | list[str]) -> Json:
        """Return what is there, as JSON."""
        return self._read(self._send("GET", path, parameters), path)

    def pages(self, path: str, **parameters: str) -> Iterator[Json]:
        """
        Yield page after page while the answer names a next one by its cursor.

        Of that address only the cursor counts: the key goes nowhere else than where it belongs.
        """
        while True:
            response = self._send("GET", path, parameters)
            yield self._read(response, path)
            following = response.links.get("next", {}).get("url", "")
            cursor = httpx.QueryParams(urlsplit(following).query).get("cursor")
            if not cursor or cursor == parameters.get("cursor"):
                return
            parameters["cursor"] = cursor

    def post(self, path: str) -> None:
        """Ask for something to be done."""
        self._send("POST", path, {})

    def _read(self, response: httpx.Response, path: str) -> Json:
        try:
            found: Json = response.json()
        except (ValueError, RecursionError):
            raise ContractBroken(
                f"{self._name} answered {path} with something else than JSON."
            ) from None
        return found

    def _send(
        self, method: str, path: str, parameters: Mapping[str, str | list[str]]
    ) -> httpx.Response:
        try:
            response = self._client.request(method, path, params=dict(parameters))
        except httpx.HTTPError as error:
            raise Unavailable(f"No answer from {self._name}: {type(error).__name__}.") from error
        status = response.status_code
        if status == 429 or status >= 500:
            raise Unavailable(f"{self._name} answered {status}.")
        if not response.is_success:
            raise Rejected(f"{self._name} refused {method} {path} with {status}.", status=status)
        return response


@contextmanager
def api(name: str, reconcile: Reconciliation, scheme: str, **headers: str) -> Iterator[Api]:
    """Open the API; the key goes into the header in the sender's own form."""
    if reconcile.key is not None:
        headers["authorization"] = scheme + _secret(name, reconcile)
    # A base URL ends with a slash, or its last part would be replaced.
    base = str(reconcile.url).rstrip("/") + "/"
    with httpx.Client(
        base_url=base, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=False
    ) as client:
        yield Api(name, client)


def _secret(name: str, reconcile: Reconciliation) -> str:
    assert reconcile.key is not None  # noqa: S101 -- the caller asked
    try:
        secret = read_secret(reconcile.key)
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret:
        raise BadConfiguration(f"{name}: there is no key for its API in {reconcile.key.name}.")
    return secret


def take_in(engine: sa.Engine, name: str, found: Sequence[Alert], why: str) -> int:
    """Record what was found by asking as one delivery; returns how many incidents it touched."""
    if not found:
        return 0
    body = json.dumps([alert.model_dump(mode="json") for alert in found]).encode()
    incoming = deliveries.Incoming(name, body, found, why, admitted_by=deliveries.ADMITTED_BY)
    return len(deliveries.record_all(engine, [incoming])[0].incidents)
