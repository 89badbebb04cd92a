"""Every client obeys the proxies that are set, NO_PROXY, and an authority of one's own."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from cct_ops.clients import alertmanager, connection, slack, webhook
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.slack import SlackBot
from cct_ops.clients.transport import CctTransport
from cct_ops.config.audit_streams import StreamPlace
from cct_ops.errors import OpsError, Unavailable
from cct_ops.record.stream import http
from tests.clients.conftest import Server

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def ask_cct(url: str) -> None:
    with CctTransport(url, SecretStr("key"), Unpaced()) as transport:
        transport.ask("data/health")


def ask_github(url: str) -> None:
    with GitHubTransport(url, "cct/cct", SecretStr("token"), 10) as transport:
        transport.read("")


def stream_to_siem(url: str) -> None:
    with http.receiving(StreamPlace(name="siem", http=url)) as receiver:
        receiver.take([b"{}"])


CLIENTS: dict[str, Callable[[str], object]] = {
    "cct": ask_cct,
    "github": ask_github,
    "alertmanager": lambda url: alertmanager.silences(url, 10),
    "webhook": lambda url: webhook.get(SecretStr(url), whose="the dead man's switch"),
    "slack": lambda url: slack.post(SecretStr(url), "text", []),
    "slack-bot": lambda url: SlackBot(SecretStr("xoxb-1"), "C1", f"{url}/").who(),
    "slack-replies": lambda url: slack.whisper(url, url, "text"),
    "siem": stream_to_siem,
}

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@pytest.fixture(autouse=True)
def no_proxy_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def call(client: Callable[[str], object], url: str) -> None:
    """Ask; what is made of the answer is tested elsewhere."""
    try:
        client(url)
    except OpsError as error:
        assert not isinstance(error, Unavailable), error  # noqa: PT017 -- silence is the failure


@every_client
def test_a_proxy_is_used(
    client: Callable[[str], object], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)

    call(client, "http://outside.example")

    assert server.requests[0][1].startswith("http://outside.example")


@every_client
def test_no_proxy_goes_past_it(
    client: Callable[[str], object], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    call(client, f"{server.url}/")

    assert server.requests[0][1].startswith("/")


@pytest.fixture
def behind_own_authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server whose certificate no public authority has signed, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = tmp_path / "authority.pem", tmp_path / "key.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{running.server_port}", authority
        running.shutdown()
        thread.join()


def test_an_authority_of_ones_own_is_honoured_for_silences(
    behind_own_authority: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not, every change is blocked."""
    url, authority = behind_own_authority
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        alertmanager.silences(url, 10)

    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    assert alertmanager.silences(url, 10) == ()


def test_an_authority_of_ones_own_is_honoured_for_audit_events(
    behind_own_authority: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not vouched for gets none; this one has no place for events, but was believed."""
    url, authority = behind_own_authority
    siem = StreamPlace(name="siem", http=url)
    with http.receiving(siem) as receiver, pytest.raises(Unavailable, match=r"not trusted.*SSL_C"):
        receiver.take([b"{}"])

    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    connection.authorities.cache_clear()

    with http.receiving(siem) as receiver, pytest.raises(Unavailable, match="answered 501"):
        receiver.take([b"{}"])
    connection.authorities.cache_clear()
