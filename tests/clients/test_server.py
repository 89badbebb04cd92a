"""One client of Prefect's server for all who ask it again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.clients.server import kept_open


def test_all_have_the_same_client_and_nobody_closes_it(prefect_api_url: str) -> None:
    """Whoever is done with it leaves it open for the others; its clock is the server's."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}), kept_open() as server:
        with server.connect() as first:
            said = server.now(first)
        with server.connect() as second:
            again = second.read_work_pools()

    assert first is second
    assert isinstance(again, list)
    assert abs(said - datetime.now(UTC)) < timedelta(minutes=2)
