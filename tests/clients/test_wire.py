"""The same on a real wire: what a scripted one could only pretend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import Rejected, Unavailable
from tests.clients.conftest import Server
from tests.clients.parts import KEY, once


def to(server: Server, timeout_seconds: float = 10) -> CctTransport:
    """A transport to the real server."""
    return CctTransport(server.url, KEY, Unpaced(), timeout_seconds)


def test_a_redirect_to_itself_is_asked_once(server: Server) -> None:
    """Nothing follows, whatever the library's default becomes."""
    server.status, server.headers = 307, {"Location": f"{server.url}/elsewhere"}

    with to(server) as transport, pytest.raises(Rejected, match="never followed"):
        transport.write(
            "POST", "canary/reset", {"route": "/daily-summary"}, None, allowed=nullcontext()
        )

    assert [path for _, path, _ in server.requests] == [
        "/api/v1/canary/reset?route=%2Fdaily-summary"
    ]


def test_a_dropped_connection_is_not_tried_again(server: Server) -> None:
    """A write whose answer got lost may have been carried out."""
    server.hangs_up = True

    with to(server) as transport, pytest.raises(Unavailable, match="is unknown"):
        transport.write("POST", "canary/reset", {}, None, allowed=nullcontext())

    assert len(server.requests) == 1


def test_silence_ends_at_the_timeout(server: Server) -> None:
    """The message says how long we waited."""
    server.silent = True

    with to(server, 0.05) as transport, pytest.raises(Unavailable, match=r"within 0\.05 s"):
        transport.read("canary/status")

    assert len(server.requests) == 1


def test_nobody_there_is_unavailable() -> None:
    """A closed port answers at once that there is nobody."""
    nobody = CctTransport("http://127.0.0.1:1", KEY, Unpaced())

    with nobody, pytest.raises(Unavailable, match=r"No answer from 127\.0\.0\.1:1 to GET"):
        nobody.read("canary/status")


def test_probes_may_read_from_several_threads(server: Server) -> None:
    """One transport serves them all."""
    server.body = once([1])

    with to(server) as transport, ThreadPoolExecutor(4) as pool:
        payloads = list(pool.map(transport.read, ["slo/status"] * 20))

    assert payloads == [[1]] * 20
    assert len(server.requests) == 20


def test_connections_that_are_over_are_not_kept(server: Server) -> None:
    """A client that reads for hours connects anew whenever the other side hangs up."""
    server.body, server.headers = once([1]), {"Connection": "close"}

    with to(server) as transport:
        for _ in range(5):
            transport.read("slo/status")

        assert len(transport._streams) == 1
