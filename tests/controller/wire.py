"""A server that stands where Prefect or Slack stands, passes requests on, or fails as told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.plain import HTTP


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def creates_run(self) -> bool:
        """Whether it asks Prefect for a run."""
        return self.path.endswith("/create_flow_run")


@dataclass(frozen=True)
class Answer:
    """What is answered; None in its place is a connection that ends without a word."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Behaviour = Callable[[Request], Answer | None]


class Wire(ThreadingHTTPServer):
    """Behaves as ``behave`` says at the moment of each request."""

    daemon_threads = True

    def __init__(self, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave = behave
        self.requests: list[Request] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that was killed in the middle is what these tests are about."""

    def hang(self, _request: Request) -> None:
        """Answer nothing until the test is over."""
        self.released.wait(60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wire

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, body, dict(self.headers))
        self.server.requests.append(request)
        answer = self.server.behave(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in ({"Content-Type": "application/json"} | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PATCH = _any  # noqa: N815 -- the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def passing_on_to(url: str) -> Behaviour:
    """Return the behaviour of a plain proxy."""

    def behave(request: Request) -> Answer:
        answer = HTTP.request(
            request.method,
            f"{url}{request.path}",
            content=request.body,
            headers={"Content-Type": "application/json"},
        )
        return Answer(answer.status_code, answer.content)

    return behave


@contextmanager
def wire(behave: Behaviour) -> Iterator[Wire]:
    """Serve until the test is over."""
    with Wire(behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
