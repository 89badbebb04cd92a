"""Reads the silences of Alertmanager, which alerts do not mention."""

from __future__ import annotations

import json

import httpx

from cct_ops.clients.text import one_line
from cct_ops.errors import ContractBroken, Rejected, Unavailable
from cct_ops.models.silence import Silence


def silences(base_url: str, timeout_seconds: float) -> tuple[Silence, ...]:
    """
    Return the silences of Alertmanager at ``base_url`` that count now.

    One that cannot be read is among them, with the reason; it never stands for the others.
    """
    try:
        answer = httpx.get(f"{base_url.rstrip('/')}/api/v2/silences", timeout=timeout_seconds)
    except httpx.HTTPError as error:
        why = one_line(str(error), 200).rstrip(". ") or type(error).__name__
        raise Unavailable(f"No answer from Alertmanager: {why}.") from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Unavailable(f"Alertmanager answered {answer.status_code}.")
    if answer.status_code != 200:
        raise Rejected(
            f"Alertmanager answered {answer.status_code} to a question about its silences.",
            status=answer.status_code,
        )
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        raise ContractBroken("Alertmanager's answer about its silences is no JSON.") from None
    if not isinstance(found, list):
        raise ContractBroken("Alertmanager's answer about its silences is no list.")
    return tuple(silence for each in found if (silence := Silence.of(each)) is not None)
