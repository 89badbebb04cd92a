"""What Alertmanager knows that the alerts do not say: its silences."""

from __future__ import annotations

import httpx
from pydantic import TypeAdapter, ValidationError

from cct_ops.errors import ContractBroken, Rejected, Unavailable
from cct_ops.models.maintenance import Silence

_SILENCES = TypeAdapter(tuple[Silence, ...])


def silences(base_url: str, timeout_seconds: float) -> tuple[Silence, ...]:
    """Return all silences that Alertmanager at ``base_url`` keeps, those that are over as well."""
    try:
        answer = httpx.get(
            f"{base_url.rstrip('/')}/api/v2/silences", timeout=timeout_seconds, trust_env=False
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"No answer from Alertmanager: {type(error).__name__}.") from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Unavailable(f"Alertmanager answered {answer.status_code}.")
    if answer.status_code != 200:
        raise Rejected(
            f"Alertmanager answered {answer.status_code} to a question about its silences.",
            status=answer.status_code,
        )
    try:
        return _SILENCES.validate_json(answer.content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ContractBroken(
            f"Alertmanager's silences have a shape that we do not know, at {where or 'the top'}."
        ) from None
