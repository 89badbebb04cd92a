"""The gateway as a process on a port: who is let in, what is answered, what is stored by then."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.tables import deliveries, incidents
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.gateway.delivering import count
from tests.gateway.running import JSON, KEY, Gateway, running

ALERT = {
    "status": "firing",
    "labels": {"alertname": "CanaryRolledBack", "route": "/daily-summary"},
    "annotations": {},
    "startsAt": "2026-11-23T23:29:46.931976Z",
    "endsAt": "0001-01-01T00:00:00Z",
}
BODY = json.dumps({"version": "4", "status": "firing", "alerts": [ALERT]}).encode()


@pytest.fixture(scope="module")
def ledger(postgres: EmbeddedPostgres) -> Iterator[SecretStr]:
    """One ledger for the tests that leave each other alone."""
    with new_ledger(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def engine(ledger: SecretStr) -> sa.Engine:
    """A connection to it."""
    return connect(ledger)


@pytest.fixture(scope="module")
def gateway(ledger: SecretStr, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway on it: a start takes seconds."""
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    with running(ledger.get_secret_value(), log) as gateway:
        yield gateway


@pytest.fixture
def mortal(ledger: SecretStr, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of this test's own, which may end it."""
    with running(ledger.get_secret_value(), tmp_path / "gateway.log") as gateway:
        yield gateway


def body(number: int) -> bytes:
    """Return a body about something that no other test reports."""
    return BODY.replace(b"/daily-summary", b"/%d" % number)


def test_a_delivery_is_stored_before_it_is_answered(mortal: Gateway, engine: sa.Engine) -> None:
    """After a 202 even kill -9 loses nothing."""
    answer = mortal.post(body(1))
    mortal.process.kill()
    mortal.process.wait(timeout=10)

    with engine.connect() as connection:
        mine = sa.select(deliveries).where(deliveries.c.body == body(1))
        delivery = connection.execute(mine).one()
        opened = sa.select(incidents).where(incidents.c.labels["route"].astext == "/1")
        incident = connection.execute(opened).one()
    assert answer.status_code == 202
    assert answer.json() == {
        "delivery_id": str(delivery.id),
        "incidents": [str(incident.id)],
        "duplicate": False,
        "status": "accepted",
    }


def test_a_repeated_delivery_is_welcome(gateway: Gateway, engine: sa.Engine) -> None:
    """Senders repeat whatever they are not sure of."""
    before = count(engine, deliveries), count(engine, incidents)
    first, again = gateway.post(body(2)), gateway.post(body(2))

    assert again.status_code == 202
    assert again.json() == first.json() | {"duplicate": True}
    assert (count(engine, deliveries), count(engine, incidents)) == (before[0] + 1, before[1] + 1)


def test_nobody_learns_why_they_are_refused(gateway: Gateway, engine: sa.Engine) -> None:
    """No key, a wrong one, and a sender that does not exist get one and the same answer."""
    before = count(engine, deliveries)
    refusals = [
        gateway.post(BODY, key=None),
        gateway.post(BODY, key="x"),
        gateway.post(BODY, key=KEY[:-1]),
        gateway.post(BODY, key=f"{KEY}x"),
        gateway.post(BODY, source="grafana"),
        gateway.post(b"not JSON", source="grafana", content_type="text/plain"),
    ]

    assert {(each.status_code, each.text) for each in refusals} == {(401, refusals[0].text)}
    assert count(engine, deliveries) == before


def test_two_authorizations_are_none(gateway: Gateway) -> None:
    """What contradicts itself is not believed, even where one half is right."""
    headers = [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer another")]

    assert gateway.sender.post("/hooks/alertmanager", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/hooks/alertmanager", 405),
        ("PUT", "/hooks/alertmanager", 401),
        ("POST", "/hooks/alertmanager/", 404),
        ("POST", "/hooks", 404),
        ("POST", "/hooks/a/b", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
def test_there_is_no_other_door_and_no_redirect(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    """Alertmanager follows a redirect as a GET without the body: that is a lost alert."""
    assert gateway.sender.request(method, path).status_code == status


def test_what_is_authentic_is_kept_whatever_it_is_called(
    gateway: Gateway, engine: sa.Engine
) -> None:
    """JSON is read under any name; what is packed is kept as it came, and nothing is unpacked."""
    before = count(engine, deliveries)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": JSON, "Content-Encoding": "gzip"}
    packed = gateway.sender.post(
        "/hooks/alertmanager", content=gzip.compress(body(3)), headers=headers
    )
    named = [gateway.post(body(3), content_type=name) for name in ("text/plain", JSON, "")]

    assert [each.json()["status"] for each in named] == ["accepted"] * 3
    assert (packed.status_code, packed.json()["status"]) == (202, "quarantined")
    assert count(engine, deliveries) == before + 2
    with engine.connect() as connection:
        mine = sa.select(deliveries).where(deliveries.c.id == packed.json()["delivery_id"])
        kept = connection.execute(mine).one()
    assert gzip.decompress(kept.body) == body(3)
    assert "compressed" in kept.note
    assert kept.headers["content-encoding"] == "gzip"


def send_without_end(gateway: Gateway, headers: dict[str, str]) -> tuple[int, int]:
    """Send 64 MiB or until refused; returns the answer's status and how much was taken."""
    chunk, taken = b"x" * 65536, 0
    sender = http.client.HTTPConnection("127.0.0.1", gateway.sender.base_url.port, timeout=20)
    try:
        sender.putrequest("POST", "/hooks/alertmanager")
        for name, value in headers.items():
            sender.putheader(name, value)
        sender.endheaders()
        try:
            for _ in range(1024):
                sender.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                taken += len(chunk)
        except OSError:
            pass  # the gateway stopped listening, which is the point
        return sender.getresponse().status, taken
    finally:
        sender.close()


def test_a_body_without_end_is_cut_off(gateway: Gateway, engine: sa.Engine) -> None:
    """The limit holds while streaming, and the connection ends with the refusal."""
    headers = {"Content-Type": JSON, "Transfer-Encoding": "chunked"}
    before = count(engine, deliveries)
    # What is taken beyond the limit of 8 MiB are the buffers of both sockets.
    status, taken = send_without_end(gateway, headers | {"Authorization": f"Bearer {KEY}"})
    assert (status, taken < 32 << 20) == (413, True)
    status, taken = send_without_end(gateway, headers)

    assert (status, taken < 16 << 20) == (401, True)
    assert count(engine, deliveries) == before + 1, (
        "whose key was right is in quarantine, for people to know"
    )
    with engine.connect() as connection:
        newest = sa.select(deliveries).order_by(deliveries.c.received_at.desc()).limit(1)
        kept = connection.execute(newest).one()
    assert (kept.status, len(kept.body)) == ("quarantined", 4096)
    assert kept.note == "The body is larger than 8,388,608 bytes: raise max_body_bytes."


def test_an_announced_length_over_the_limit_is_refused_unread(gateway: Gateway) -> None:
    """Content-Length is believed when it speaks against the sender."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": JSON}
    with socket.create_connection(("127.0.0.1", gateway.sender.base_url.port or 0)) as raw:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = ["POST /hooks/alertmanager HTTP/1.1", "Host: x", "Content-Length: 8388609", *lines]
        raw.sendall("\r\n".join([*head, "", ""]).encode())
        raw.settimeout(10)

        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"version":"5","alerts":[]}',
        b"[" * 100_000,
        b'{"version":"4","alerts":[],"x":' + b"9" * 1_000_000 + b"}",
        BODY.replace(b'"/daily-summary"', b"[7]"),
        BODY.replace(b"/daily-summary", rb"\ud800"),
        BODY.replace(b"2026-11-23", b"9999-12-31"),
        BODY.replace(b'"firing", "labels"', b'"suppressed", "labels"'),
        BODY.replace(b'"annotations": {}', b'"annotations": {"\\u0000": {}}'),
    ],
    ids=[
        "empty",
        "text",
        "list",
        "version",
        "deep",
        "number",
        "label",
        "half",
        "year",
        "status",
        "nul",
    ],
)
def test_what_is_not_understood_is_kept_and_answered(
    gateway: Gateway, engine: sa.Engine, body: bytes
) -> None:
    """A 4xx would make an honest sender knock for ever, or give up on us."""
    answer = gateway.post(body)

    with engine.connect() as connection:
        mine = sa.select(deliveries).where(deliveries.c.id == answer.json()["delivery_id"])
        delivery = connection.execute(mine).one()
    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    assert (delivery.body, delivery.status) == (body, "quarantined")
    assert delivery.note


def test_a_locked_ledger_means_again_later(gateway: Gateway, engine: sa.Engine) -> None:
    """503 is the one answer that all senders repeat; it comes before they give up."""
    before = count(engine, incidents)
    with engine.begin() as connection:
        connection.execute(sa.text("lock table deliveries"))
        began = time.monotonic()
        answer = gateway.post(body(4))
        took = time.monotonic() - began
        assert gateway.sender.get("/healthz").status_code == 200

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert took < 4.9
    assert gateway.post(body(4)).status_code == 202
    assert count(engine, incidents) == before + 1


def test_it_stops_when_asked_to(mortal: Gateway) -> None:
    """SIGTERM is an orderly end, also while a sender keeps its connection open."""
    mortal.post(BODY)
    mortal.process.terminate()

    assert mortal.process.wait(timeout=8) == 0


def test_no_secret_and_no_body_gets_into_the_log(ledger: SecretStr, tmp_path: Path) -> None:
    """Logs are read by many."""
    log = tmp_path / "gateway.log"
    with running(ledger.get_secret_value(), log) as gateway:
        gateway.post(b'{"version": "canary-in-the-body"}')
        gateway.post(BODY, key="canary-in-the-key")
        gateway.post(BODY, source="canary-in-the-source")

    said = log.read_text()
    assert "quarantined a delivery of alertmanager" in said
    assert "canary-in" not in said
    assert KEY not in said
