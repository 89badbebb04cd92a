"""Clients of Prefect's server for those who ask it again and again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta

from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.clients.server import kept_open


def test_a_thread_has_one_client_that_nobody_closes_and_no_other_thread_has_it(
    prefect_api_url: str,
) -> None:
    """Its CSRF token would be taken from it there. The clock is the server's."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}), kept_open() as server:
        with server.connect() as first:
            said = server.now(first)
        with server.connect() as second:
            again = second.read_work_pools()
        with ThreadPoolExecutor(1) as other, server.connect() as here:
            elsewhere = other.submit(copy_context().run, server.connect).result()
            assert elsewhere.__enter__() is not here

    assert first is second
    assert isinstance(again, list)
    assert abs(said - datetime.now(UTC)) < timedelta(minutes=2)
