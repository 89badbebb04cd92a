"""Real servers: one that answers as it is told, and the sandbox, which behaves like CCT."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.sandbox.control import SandboxControl, start_sandbox
from tests.clients.parts import RecordingPacer

GOOD_KEY = "a-good-key-of-the-sandbox"


@dataclass
class Server:
    """What the server answers to everything, and what it was sent."""

    url: str = ""
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    silent: threading.Event | None = None
    requests: list[tuple[str, str, Any]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port of this machine."""
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.requests.append((self.command, self.path, json.loads(sent or b"null")))
            if told.silent is not None:
                told.silent.wait(30)
            if told.hangs_up or told.silent is not None:
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = answer  # noqa: N815 -- http.server's names

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        told.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        if told.silent is not None:
            told.silent.set()
        running.shutdown()
        thread.join()


@pytest.fixture(scope="package")
def process() -> Iterator[SandboxControl]:
    """One sandbox process for all tests of the clients."""
    with start_sandbox(api_key=GOOD_KEY) as control:
        yield control


@pytest.fixture
def sandbox(process: SandboxControl) -> SandboxControl:
    """The sandbox, pristine."""
    process.reset()
    return process


@pytest.fixture
def pacer() -> RecordingPacer:
    """What the transport asked of its pacer."""
    return RecordingPacer()


@pytest.fixture
def transport(sandbox: SandboxControl, pacer: RecordingPacer) -> Iterator[CctTransport]:
    """A transport to the sandbox, with a good key."""
    with CctTransport(sandbox.base_url, SecretStr(GOOD_KEY), pacer) as connected:
        yield connected


@pytest.fixture
def reader(transport: CctTransport) -> CctReader:
    """A reader of the sandbox."""
    return CctReader(transport)
