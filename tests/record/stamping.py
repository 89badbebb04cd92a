"""An authority for time stamps of the tests' own: OpenSSL's, behind a small HTTP server."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cct_ops.config.policy import AuditPolicy, TimeStamps

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed: it is the tests' authority"
)

_SETTINGS = """
[tsa]
default_tsa = ours
[ours]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_alg = sha256
"""


@dataclass
class Stamping:
    """An authority, its certificates, and what it is asked to do."""

    folder: Path
    url: str = ""
    asked: int = 0
    answers: bytes | None = None
    status: int = 200
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def root(self) -> Path:
        """The certificate to which its signatures lead."""
        return self.folder / "ca.pem"

    def policy(self, every_minutes: float = 60) -> AuditPolicy:
        """A policy that names it alone."""
        stamps = TimeStamps(url=self.url, certificates=self.root, every_minutes=every_minutes)
        return AuditPolicy(time_stamps=stamps)

    def reply(self, request: bytes) -> bytes:
        """Answer a request, as the real one does."""
        with self.lock:  # it counts in a file
            self.asked += 1
            (self.folder / "request").write_bytes(request)
            openssl(
                "ts",
                "-reply",
                "-config",
                self.folder / "tsa.cnf",
                "-queryfile",
                self.folder / "request",
                "-out",
                self.folder / "response",
            )
            return (self.folder / "response").read_bytes()


def openssl(*words: str | Path) -> str:
    """Do something with OpenSSL; returns what it printed."""
    command = ["openssl", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def certified(folder: Path, digests: str = "sha256") -> Stamping:
    """Make the keys and certificates of an authority."""
    folder.mkdir()
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "9")
    openssl(
        "req",
        "-x509",
        *new,
        "-keyout",
        folder / "ca.key",
        "-out",
        folder / "ca.pem",
        "-subj",
        "/CN=An authority of tests",
        "-days",
        "9",
    )
    openssl(
        "req",
        *new,
        "-keyout",
        folder / "tsa.key",
        "-out",
        folder / "tsa.csr",
        "-subj",
        "/CN=Its clock",
    )
    (folder / "usage").write_text("extendedKeyUsage=critical,timeStamping\n")
    openssl(
        "x509",
        "-req",
        "-in",
        folder / "tsa.csr",
        *ca,
        "-extfile",
        folder / "usage",
        "-out",
        folder / "tsa.pem",
    )
    (folder / "tsa.cnf").write_text(_SETTINGS.format(folder=folder, digests=digests))
    return Stamping(folder)


@contextmanager
def answering(ours: Stamping) -> Iterator[Stamping]:
    """Let it answer for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            body = ours.reply(request) if ours.answers is None else ours.answers
            self.send_response(ours.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ours.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield ours
        server.shutdown()
        thread.join()
