"""The way to CCT: the one place from which requests to it leave."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from cct_ops import tracing
from cct_ops.clients.connection import Connection, authorities
from cct_ops.clients.exchange import (
    KEY_REFUSED,
    LOCKED,
    LONGEST_WAIT_SECONDS,
    Exchange,
    named,
    retry_after_seconds,
)
from cct_ops.clients.pacing import FORGETFUL, Answer, Keys, KeyUse, Pacer
from cct_ops.errors import BadConfiguration, KeyRefused, Rejected, Unsupported

SILENCE_SECONDS = 60.0
"""The wait after a 429 that names none: one whole window of CCT's limiters."""

# What CCT serves to everybody says nothing about a key, so no key goes there.
_PUBLIC = ("data/health", "data/symbols", "cache/health")

PROTECTED = "security/status"
"""Asks for a key in every dialect, which CCT's public endpoints and its 404s do not."""

# The statuses of a client's mistake that come before CCT has looked at the key, or instead of it.
_SAY_NOTHING_OF_THE_KEY = frozenset({403, 404, 429})

# An answer is kept for those who share it; a cookie, for example, is none of their business.
_READ = ("location", "retry-after", "x-ratelimit-reset")

# Of each family, one endpoint that CCT's own handlers do not know.
_ONLY_IN_RUNBOOK = {"canary": "canary/rollbacks", "exemptions": "exemptions/health"}


class CctTransport(Connection):
    """
    Sends requests to one CCT and turns every answer into a payload or one of our errors.

    Nothing is ever sent twice and no redirect is followed. Safe to use from several threads.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        pacer: Pacer,
        timeout_seconds: float = 10,
        transport: httpx.BaseTransport | None = None,
        keys: Keys = FORGETFUL,
    ) -> None:
        self._host = _host(base_url)
        self._api_key = _fit_for_a_header(api_key)
        self._pacer = pacer
        self._keys = keys
        client = httpx.Client(
            base_url=f"{base_url.rstrip('/')}/api/v1/",
            timeout=timeout_seconds,
            follow_redirects=False,
            transport=transport,
            verify=authorities(),
        )
        super().__init__(client, timeout_seconds)

    def keep_silent(self, seconds: float) -> None:
        """Let nobody send anything to this CCT for that long, which is what refills its limits."""
        self._pacer.back_off(seconds)

    def read(
        self, path: str, *, asking: Mapping[str, Any] | None = None, **query: str | int
    ) -> Any:
        """Return the payload of a read; concurrent runs may share one answer."""
        return self.ask(path, None, asking=asking, **query).payload()

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        asking: Mapping[str, Any] | None = None,
        **query: str | int,
    ) -> Exchange:
        """
        Return a read's answer as it is, for an endpoint that does not use the envelope.

        A read is a GET; with ``asking`` it is a POST of that question, which changes nothing.
        """
        method, target = "GET" if asking is None else "POST", _target(path, query)
        extra = headers or {}
        # The raw answer is what is shared: each sharer reads it itself and gets the same error.
        key = " ".join([target, *(f"{name}:{value}" for name, value in sorted(extra.items()))])
        if asking is not None:
            key += f" {json.dumps(asking, sort_keys=True)}"

        def send() -> Answer:
            with self._using_key(target) as use:
                return self._send(method, target, asking, use, write=False, extra=extra)

        answer = self._pacer.read(key, send)
        return Exchange(method, target, answer, self._api_key)

    def write(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: Mapping[str, Any] | None,
        *,
        allowed: AbstractContextManager[None],
    ) -> Any:
        """
        Send one change, once, and return the payload of its answer: a claim, not a proof.

        ``allowed`` is entered at the last moment and raises if the change may not be made.
        """
        target = _target(path, query)
        # The wait for a slot can outlive a permit, so the slot comes first.
        with self._pacer.write_slot(), self._using_key(target) as use, allowed:
            answer = self._send(method, target, body, use, write=True)
            return Exchange(method, target, answer, self._api_key).payload()

    def _send(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None,
        use: KeyUse | None,
        *,
        write: bool,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Send one request, now; raises ``KeyRefused`` when CCT does not take the key."""
        request = named(method, target)
        # The key is added to each request: the client's own headers show in its repr.
        keyed = {} if use is None else {"X-API-Key": self._api_key.get_secret_value()}
        began = time.monotonic()
        with self._traced(method, target) as (span, traced):
            headers = {**extra, **keyed, **traced}
            with self._answered(self._host, request, write=write):
                response = self._client.request(method, target, json=body, headers=headers)
            span.set_attribute("http.response.status_code", response.status_code)
        kept = {name: response.headers[name] for name in _READ if name in response.headers}
        seconds = time.monotonic() - began
        answer = Answer(response.status_code, kept, response.content, seconds)
        if answer.status == 429:
            # Here and not where the answer is read, so that its sharers do not each repeat it.
            self._pacer.back_off(retry_after_seconds(answer) or SILENCE_SECONDS)
        if use is not None:
            self._learn(use, Exchange(method, target, answer, self._api_key))
        return answer

    @contextmanager
    def _traced(self, method: str, target: str) -> Iterator[tuple[tracing.Span, dict[str, str]]]:
        """Surround one request with a span, and yield the header by which CCT could go on."""
        path = target.partition("?")[0]
        server = self._client.base_url
        told: dict[str, str | int] = {
            "http.request.method": method,
            "server.address": server.host,
            "server.port": server.port or (443 if server.scheme == "https" else 80),
            "url.full": f"{server.scheme}://{self._host}/api/v1/{target}",
        }
        with tracing.span(f"{method} /api/v1/{path}", told, kind="CLIENT") as span:
            here = tracing.traceparent()
            yield span, {tracing.HEADER: here} if here else {}

    @contextmanager
    def _using_key(self, target: str) -> Iterator[KeyUse | None]:
        """Surround one request with what is known of its key; None where no key goes along."""
        if not self._api_key.get_secret_value() or target.startswith(_PUBLIC):
            yield None
            return
        with self._keys.using(self._api_key, target.partition("/")[0]) as use:
            yield use

    def _learn(self, use: KeyUse, exchange: Exchange) -> None:
        """
        Take from an answer what it says of the key.

        A refusal is raised here and not where the answer is read: it is for this key alone, so
        that it must not be shared like an answer.
        """
        status = exchange.answer.status
        if status in KEY_REFUSED:
            locked = retry_after_seconds(exchange.answer) or LONGEST_WAIT_SECONDS
            use.refused(exchange.summary(), locked if status == LOCKED else None)
            raise exchange.failure()
        if status < 500 and status not in _SAY_NOTHING_OF_THE_KEY:
            use.taken()


def _target(path: str, query: Mapping[str, str | int]) -> str:
    """Return path and query in one canonical spelling, which also names a shared read."""
    return f"{path}?{urlencode(sorted(query.items()))}" if query else path


def _host(base_url: str) -> str:
    """Return the part of the URL that messages may show (it may carry a password)."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as exc:
        raise BadConfiguration("CCT_URL is not a URL: set it to scheme and host of CCT.") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise BadConfiguration("CCT_URL is not an http(s) URL: set it to scheme and host of CCT.")
    return url.netloc.decode("ascii")


def _fit_for_a_header(api_key: SecretStr) -> SecretStr:
    """Refuse a key that HTTP cannot carry; the HTTP library's own error would show it."""
    key = api_key.get_secret_value()
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        raise BadConfiguration(
            "X_API_KEY holds characters that no header can carry: look for a line end or a blank."
        )
    return api_key


def refuses_key(error: Rejected) -> bool:
    """Say whether CCT took this key for none of its own, or for one that may not ask."""
    return isinstance(error, KeyRefused) or error.status == HTTPStatus.FORBIDDEN


def handlers_only(transport: CctTransport, family: str) -> bool:
    """
    Say whether this CCT has only its own handlers for the family: fewer endpoints, and other ones.

    See docs/cct-api.md for the dialects. Raises ``Unsupported`` where the family is missing.
    """
    try:
        transport.read(_ONLY_IN_RUNBOOK[family])
    except Unsupported as missing:
        if missing.family:
            raise
        return True
    return False
