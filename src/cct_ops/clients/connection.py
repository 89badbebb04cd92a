"""The HTTP client that the ways to CCT and GitHub share, and its errors for a missing answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import httpx

from cct_ops.errors import ContractBroken, Unavailable

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Connection:
    """Something over an HTTP client of its own, which is open for as long as a ``with`` block."""

    def __init__(self, client: httpx.Client, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.__exit__(kind, exc, traceback)

    @contextmanager
    def _answered(
        self, host: str, request: str, *, write: bool, shown: Callable[[str], str] = str
    ) -> Iterator[None]:
        """Turn what is no answer at all into our errors; ``shown`` makes its words presentable."""
        try:
            yield
        except httpx.DecodingError as exc:
            raise ContractBroken(
                f"The body of the answer to {request} cannot be decompressed."
            ) from exc
        except httpx.TransportError as exc:
            why = shown(str(exc)).rstrip(". ") or type(exc).__name__
            if isinstance(exc, httpx.TimeoutException):
                why = f"nothing came within {self._timeout_seconds:g} s"
            doubt, never_left = "", isinstance(exc, _NEVER_LEFT)
            if write and not never_left:
                doubt = "; whether the change was made is unknown, so look before trying again"
            raise Unavailable(
                f"No answer from {host} to {request}: {why}{doubt}.", never_left=never_left
            ) from exc
