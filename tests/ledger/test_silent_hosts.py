"""A ledger on several hosts: whoever is gone or cut off is given up, and the other one is asked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import SILENT_HOST, connect, conninfo


def with_host_before(url: SecretStr, host: str, port: int) -> SecretStr:
    """Return the URL with another host that is asked first."""
    given = sa.make_url(url.get_secret_value())
    both = [f"{host}:{port}", f"{given.host}:{given.port}"]
    several = given.set(host=None, port=None).update_query_dict(
        {"host": both, "target_session_attrs": "read-write"}
    )
    return SecretStr(several.render_as_string(hide_password=False))


@contextmanager
def pooled_by(url: SecretStr) -> Iterator[sa.Connection]:
    """Take one connection of an engine, and leave none open."""
    engine = connect(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def test_the_second_host_is_asked_where_the_first_is_gone_or_says_nothing(
    ledger_url: SecretStr,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it takes connections and never answers
        for port in (1, mute.getsockname()[1]):
            url = with_host_before(ledger_url, "127.0.0.1", port)
            patient = SecretStr(url.get_secret_value() + "&connect_timeout=2")
            began = time.monotonic()

            with pooled_by(patient) as connection:
                assert connection.scalar(sa.text("select 1")) == 1
            with psycopg.connect(conninfo(patient)) as raw:
                assert raw.execute("select 1").fetchone() == (1,)

            assert time.monotonic() - began < 20


def test_each_connection_gives_up_a_host_that_is_cut_off(ledger_url: SecretStr) -> None:
    """The kernel would wait a quarter of an hour for its answer; what the URL says wins."""
    own = SecretStr(ledger_url.get_secret_value() + "?tcp_user_timeout=7000")

    for url, patience in ((ledger_url, SILENT_HOST["tcp_user_timeout"]), (own, "7000")):
        with pooled_by(url) as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            pooled = driver.info.get_parameters()
        with psycopg.connect(conninfo(url)) as raw:
            single = raw.info.get_parameters()
        for given in (pooled, single):
            expected = {**SILENT_HOST, "tcp_user_timeout": patience}
            assert {name: given.get(name) for name in SILENT_HOST} == expected
