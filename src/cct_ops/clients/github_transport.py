"""The way to GitHub: the one place from which requests to it leave."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
from pydantic import SecretStr

from cct_ops.clients.connection import Connection
from cct_ops.clients.text import WORDS_LIMIT, one_line, read_json
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Rejected, Unavailable

API_VERSION = "2022-11-28"
MOST_PAGES = 10
LONGEST_WAIT_SECONDS = 3600.0
"""GitHub's rate limits are counted by the hour."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


class GitHubTransport(Connection):
    """
    Sends requests about one repository and turns each answer into JSON, bytes or our errors.

    Nothing is sent twice. Redirects are followed for downloads only, and the token does not travel
    to another host.
    """

    def __init__(
        self,
        api_url: str,
        repository: str,
        token: SecretStr,
        timeout_seconds: float = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not _REPOSITORY.fullmatch(repository):
            raise BadConfiguration("GITHUB_REPOSITORY must be owner/name.")
        secret = token.get_secret_value()
        if not (secret.isascii() and secret.isprintable() and secret and " " not in secret):
            raise BadConfiguration(
                "GH_TOKEN holds characters that no header can carry: look for a line end."
            )
        self.repository = repository
        self._token = token
        client = httpx.Client(
            base_url=api_url,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {secret}",
                "X-GitHub-Api-Version": API_VERSION,
                "User-Agent": "cct-ops",
            },
            timeout=timeout_seconds,
            follow_redirects=False,
            transport=transport,
        )
        super().__init__(client, timeout_seconds)

    def read(self, path: str, **query: str | int) -> Any:
        """Return the JSON of a GET below the repository."""
        return self._json(self._send("GET", path, query=query))

    def read_if_changed(self, path: str, known: str | None) -> tuple[Any, str | None] | None:
        """Return the JSON of a GET and its tag; None where it is still what the tag names."""
        headers = {"If-None-Match": known} if known else None
        response = self._send("GET", path, headers=headers)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        return self._json(response), response.headers.get("etag")

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """Yield one page after another, as far as ``Link`` leads and at most ``MOST_PAGES``."""
        response = self._send("GET", path, query={"per_page": 100, **query})
        for _ in range(MOST_PAGES):
            yield self._json(response)
            following = response.links.get("next", {}).get("url")
            if following is None:
                return
            # The token goes with the request, so it must not lead anywhere else.
            if httpx.URL(following).host != self._client.base_url.host:
                raise ContractBroken(f"The pages of {path} lead to another host.")
            response = self._send("GET", path, url=following)

    def write(self, method: str, path: str, json: Mapping[str, Any] | None = None) -> Any:
        """Send one change, once, and return the JSON of its answer, None if it has none."""
        response = self._send(method, path, json=json)
        return self._json(response) if response.content else None

    def download(self, path: str, limit_bytes: int) -> bytes:
        """Return what the path leads to; raises ``Rejected`` once it is larger than allowed."""
        content = bytearray()
        with self._stream(path) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > limit_bytes:
                    raise Rejected(
                        f"GET {path} leads to more than {limit_bytes} bytes: not read further."
                    )
        return bytes(content)

    def tail(self, path: str, keep_bytes: int, limit_bytes: int) -> tuple[bytes, bool]:
        """Return the end of what the path leads to, and whether that is really its end."""
        end, seen = bytearray(), 0
        with self._stream(path) as response:
            for piece in response.iter_bytes():
                seen += len(piece)
                end = (end + piece)[-keep_bytes:]
                if seen > limit_bytes:
                    return bytes(end), False
        return bytes(end), True

    @contextmanager
    def _stream(self, path: str) -> Iterator[httpx.Response]:
        """Open a download; httpx drops the token when a redirect leads to another host."""
        with (
            self._asking("GET", path),
            self._client.stream("GET", self._url(path), follow_redirects=True) as response,
        ):
            if not response.is_success:
                response.read()
                raise self._failure("GET", path, response)
            yield response

    def _send(
        self,
        method: str,
        path: str,
        *,
        url: str | None = None,
        query: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request; ``url`` is given where ``path`` is only its name in messages."""
        with self._asking(method, path):
            response = self._client.request(
                method, url or self._url(path), params=query or None, json=json, headers=headers
            )
        unchanged = headers is not None and response.status_code == httpx.codes.NOT_MODIFIED
        if not response.is_success and not unchanged:
            raise self._failure(method, path, response)
        return response

    def _url(self, path: str) -> str:
        return f"repos/{self.repository}/{path}".rstrip("/")

    def _asking(self, method: str, path: str) -> AbstractContextManager[None]:
        write, request = method != "GET", f"{method} {path}"
        return self._answered("GitHub", request, write=write, shown=self._shown)

    def _json(self, response: httpx.Response) -> Any:
        try:
            return read_json(response.content)
        except ValueError as exc:
            raise ContractBroken(
                f"GitHub's answer to {response.request.url.path} is not JSON."
            ) from exc

    def _failure(self, method: str, path: str, response: httpx.Response) -> OpsError:
        """Return the error that this answer, which is not a success, means."""
        status = response.status_code
        said = (
            f"{method} {path} in {self.repository} was answered {status}: {self._words(response)}"
        )
        limited = status == 429 or (
            status == 403
            and (
                response.headers.get("x-ratelimit-remaining") == "0"
                or "retry-after" in response.headers
            )
        )
        if limited or status >= 500:
            return Unavailable(f"{said}.", retry_after_seconds=_wait(response.headers))
        advice = ""
        if status == 401:
            advice = "; check GH_TOKEN"
        elif status == 403:
            advice = "; check what GH_TOKEN is allowed to do"
        elif status == 404:
            advice = "; check GITHUB_REPOSITORY, and whether GH_TOKEN may read it"
        elif status < 400:
            advice = ", and redirects of this kind are not followed: the repository may have moved"
        return Rejected(f"{said}{advice}.", status=status)

    def _words(self, response: httpx.Response) -> str:
        try:
            body = read_json(response.content)
        except ValueError:
            body = None
        words = body.get("message") if isinstance(body, dict) else response.text
        return self._shown(str(words)).rstrip(". ") or "no words"

    def _shown(self, text: str) -> str:
        shown = text.replace(self._token.get_secret_value(), "[GH_TOKEN]")
        return one_line(shown, WORDS_LIMIT)


def _wait(headers: httpx.Headers) -> float | None:
    """Return how long GitHub asks to be left alone, capped; None if it asks nothing."""
    asked = headers.get("retry-after", "")
    if asked.isdecimal():
        return min(float(asked), LONGEST_WAIT_SECONDS)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return min(max(float(reset) - time.time(), 1.0), LONGEST_WAIT_SECONDS)
    return None
