"""An address that takes CloudEvents: in batches, or one by one where a batch is one event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import httpx
from pydantic import SecretStr

from cct_ops.clients.connection import asked_for, authorities, proxy_for
from cct_ops.clients.deadline import Deadline
from cct_ops.clients.text import WORDS_LIMIT, one_line
from cct_ops.config import contacts
from cct_ops.config.audit_streams import StreamPlace
from cct_ops.errors import BadConfiguration, Rejected, Unavailable

BATCH = "application/cloudevents-batch+json"
SINGLE = "application/cloudevents+json"
TIMEOUT_SECONDS = 30.0
_MOST_OF_AN_ANSWER = 64 * 1024
# About what was sent; every other refusal is about who sends, or where.
_ABOUT_THE_EVENTS = {400, 413, 422}
_PASSING = {408, 425, 429}


class HttpReceiver:
    """One place over one connection, which stays open between batches."""

    def __init__(self, client: httpx.Client, place: StreamPlace, deadline: Deadline) -> None:
        self._client = client
        self._url = place.http or ""
        self._where = place.where
        self._single = place.batch_events == 1
        self._deadline = deadline

    def take(self, sent: Sequence[bytes]) -> None:
        """Post them; a 2xx says that they are there."""
        body = sent[0] if self._single else b"[" + b",".join(sent) + b"]"
        kind = SINGLE if self._single else BATCH
        try:
            with ExitStack() as until_read:
                with self._deadline.within(TIMEOUT_SECONDS):
                    answer = until_read.enter_context(
                        self._client.stream(
                            "POST",
                            self._url,
                            content=body,
                            headers={"Content-Type": f"{kind}; charset=utf-8"},
                            extensions=self._deadline.extensions,
                        )
                    )
                self._judge(answer, _read(answer))
        except httpx.TransportError as error:
            raise Unavailable(f"no answer from {self._where}: {_why(error)}") from None

    def _judge(self, answer: httpx.Response, words: str) -> None:
        status, said = answer.status_code, f"{self._where} answered {answer.status_code}"
        if answer.is_success:
            return
        if status in _PASSING or status >= 500:
            raise Unavailable(f"{said}{words}", retry_after_seconds=asked_for(answer.headers))
        if status in _ABOUT_THE_EVENTS:
            raise Rejected(f"{said}{words}", status=status)
        if answer.is_redirect:
            raise BadConfiguration(
                f"{said} and points to another place, which is not followed: name that in policy"
            )
        if status in {401, 403}:
            raise BadConfiguration(f"{said}: it does not take the token that policy refers to")
        raise BadConfiguration(f"{said}{words}: no place for events, as it seems")


@contextmanager
def receiving(place: StreamPlace) -> Iterator[HttpReceiver]:
    """Open the way to the place; raises ``BadConfiguration`` where its token is not there."""
    url, headers = place.http or "", {"User-Agent": "cct-ops"}
    if place.token is not None:
        token = contacts.secret(place.token).get_secret_value()
        headers["Authorization"] = _authorization(place, SecretStr(token))
    # the context is made once per process: that takes longer than a request
    verify = authorities() if url.startswith("https:") else True
    with (
        closing(Deadline()) as deadline,
        httpx.Client(
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            verify=verify,
            proxy=proxy_for(url),
            trust_env=False,
            follow_redirects=False,
        ) as client,
    ):
        yield HttpReceiver(client, place, deadline)


def _authorization(place: StreamPlace, token: SecretStr) -> str:
    said = token.get_secret_value()
    if not (said.isascii() and said.isprintable() and " " not in said):
        name = place.token.name if place.token else ""
        raise BadConfiguration(f"what is in {name} holds characters that no header can carry")
    return f"{place.scheme} {said}"


def _read(answer: httpx.Response) -> str:
    """Return the first words of an answer; a whole one is read, so that the connection stays."""
    content, until = bytearray(), time.monotonic() + TIMEOUT_SECONDS
    try:
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > _MOST_OF_AN_ANSWER or time.monotonic() > until:
                break  # what never ends must not hold up the stream
    except httpx.DecodingError:
        return ""  # its status has said all that counts
    words = one_line(content.decode("utf-8", "replace"), WORDS_LIMIT)
    return f": {words}" if words else ""


def _why(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came within {TIMEOUT_SECONDS:g} s"
    words = one_line(str(error), WORDS_LIMIT).rstrip(". ") or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return f"its certificate is not trusted ({words}); SSL_CERT_FILE names other authorities"
    return words
