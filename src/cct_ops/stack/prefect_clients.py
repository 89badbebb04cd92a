"""Prefect's clients of this process, led to the server of a stack; apart, because it is slow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)


@contextmanager
def asking(env: Mapping[str, str]) -> Iterator[None]:
    """Let them ask, within the block, the server of the stack whose environment this is."""
    with temporary_settings(
        {
            PREFECT_API_URL: env["PREFECT_API_URL"],
            PREFECT_API_AUTH_STRING: env["PREFECT_API_AUTH_STRING"],
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: True,
        }
    ):
        yield
