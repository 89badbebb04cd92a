"""A part listens where it is told to, in each way in which that is written, and is found there."""

from __future__ import annotations

import socket

import httpx
import pytest

from cct_ops.addresses import listen, reached_at
from cct_ops.errors import BadConfiguration
from cct_ops.stack.config import check_port
from cct_ops.stack.postgres import free_port


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "::1", "[::1]", "0.0.0.0", "::", "localhost"],  # noqa: S104 -- for a moment
)
def test_who_listens_is_reached(host: str) -> None:
    port = free_port()
    check_port(host, port, "the gateway", "--gateway-port")
    with listen(host, port):
        url = httpx.URL(reached_at(host, port))

        socket.create_connection((url.host, url.port or 0), timeout=10).close()


def test_an_answer_in_two_parts_does_not_wait_for_word_of_the_first() -> None:
    """Whoever is asked over a connection that stays would else answer 40 ms late."""
    with (
        listen("127.0.0.1", 0) as server,
        socket.create_connection(server.getsockname(), timeout=10),
        server.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_is_named_and_so_is_who_has_it() -> None:
    with listen("::1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(BadConfiguration, match=rf"port {port} .* choose another port with --p"):
            check_port("::1", port, "the gateway", "--port")


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_not_blamed_on_the_port(host: str) -> None:
    with pytest.raises(BadConfiguration, match=rf"cannot listen on {host}"):
        check_port(host, free_port(), "the gateway", "--gateway-port")
