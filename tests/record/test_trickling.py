"""Who answers byte by byte, or in a coding that is none, holds up no log, stream or sign-in."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from cct_ops.clients import oidc
from cct_ops.config.audit_streams import StreamPlace
from cct_ops.config.sign_in import SignIn
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.record import time_stamps
from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.http_witness import HttpWitness
from cct_ops.record.notes import Checkpoint, Signer
from cct_ops.record.stream import http

SIGNER = Signer.new("log.example/1")
NOTE = SIGNER.sign(Checkpoint("log.example/1", 5, bytes(32)).body())
PATIENCE = 0.5
LONG = 5.0
BYTES = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x"),
    "coding": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", b""),
}


@pytest.fixture
def address() -> Iterator[str]:
    """A server that answers in the way that the path names, without an end."""
    over = threading.Event()

    def answer(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            asked = caller.recv(65536).split(b" ")[1]
            first, then = BYTES[asked.split(b"/")[1].decode()]
            caller.sendall(first)
            while not over.wait(0.05):
                caller.sendall(then)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        server.shutdown(socket.SHUT_RDWR)


def witness(url: str) -> object:
    """Ask a witness."""
    cosigner = Cosigner("witness.example", SIGNER.verifier.key)
    return HttpWitness(url, cosigner, timeout_seconds=PATIENCE).ask(0, [], NOTE)


def authority(url: str) -> object:
    """Ask an authority for a time stamp."""
    return time_stamps.Authority(url, time_stamps.Roots([])).stamp(NOTE)


def provider(url: str) -> object:
    """Ask a provider of OpenID Connect what it is."""
    named = {"issuer": url, "client_id": "board", "client_secret": {"env": "UNREAD"}}
    people = [{"account": "s-1", "name": "Anna Ito", "role": "viewer"}]
    return oidc.Provider(SignIn.model_validate({**named, "people": people})).metadata()


def siem(url: str) -> None:
    """Send events."""
    with http.receiving(StreamPlace(name="siem", http=url)) as receiver:
        receiver.take([b"{}"])


@pytest.mark.parametrize("ask", [witness, authority, provider, siem])
@pytest.mark.parametrize("how", ["head", "continue", "body"])
def test_an_answer_in_drops_is_not_waited_for(
    ask: Callable[[str], object], how: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (time_stamps, http):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(oidc, "ANSWER_SECONDS", PATIENCE)
    began = time.monotonic()
    if (ask, how) == (siem, "body"):  # its status says that the events are there
        ask(f"{address}/{how}")
    else:
        with pytest.raises(Unavailable):
            ask(f"{address}/{how}")
    assert time.monotonic() - began < LONG


def test_a_coding_that_is_none_costs_a_stream_nothing(address: str) -> None:
    """The events were taken: so says the status."""
    siem(f"{address}/coding")


@pytest.mark.parametrize("ask", [witness, authority, provider])
def test_a_coding_that_is_none_is_no_answer(ask: Callable[[str], object], address: str) -> None:
    with pytest.raises((Unavailable, BadConfiguration)):
        ask(f"{address}/coding")
