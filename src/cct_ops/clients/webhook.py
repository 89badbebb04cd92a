"""One call of an address that is a secret: a contact's, a status page's, a dead man's switch's."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from cct_ops.clients.connection import asked_for
from cct_ops.clients.text import one_line
from cct_ops.errors import Rejected, Unavailable

TIMEOUT_SECONDS = 10.0


def post(
    url: SecretStr,
    body: Mapping[str, object],
    headers: Mapping[str, SecretStr] | None = None,
    *,
    key: str | None = None,
    whose: str,
) -> None:
    """
    Send the document once; ``whose`` names the receiver in errors, which never show the URL.

    ``key`` is the same whenever the same message is sent again, so that the receiver can see that.
    """
    shown = {name: value.get_secret_value() for name, value in (headers or {}).items()}
    if key is not None:
        shown["Idempotency-Key"] = key
    _send("POST", url, whose, json=dict(body), headers=shown)


def get(url: SecretStr, *, whose: str) -> None:
    """Call the address; what it says beyond that it took the call does not matter."""
    _send("GET", url, whose)


def _send(
    method: str,
    url: SecretStr,
    whose: str,
    *,
    json: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Follow no redirect: the document was meant for this place and no other."""
    try:
        answer = httpx.request(
            method, url.get_secret_value(), json=json, headers=headers, timeout=TIMEOUT_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # Not its words, and not as the cause either: they can hold the address.
        raise Unavailable(f"No answer from {whose}: {type(error).__name__}.") from None
    if answer.is_success:
        return
    status = answer.status_code
    if status == 429 or status >= 500:
        wait = asked_for(answer.headers)
        raise Unavailable(f"{whose} answered {status}.", retry_after_seconds=wait)
    words = one_line(answer.text, 200) or "no words"
    raise Rejected(f"{whose} answered {status}: {words}.", status=status)
