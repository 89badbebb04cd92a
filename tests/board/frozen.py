"""A Prefect that hangs from some moment on, in front of one that does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.plain import HTTP


@dataclass
class Frozen:
    """
    It answers nothing ``before`` it hands a request on, or hands it on and keeps the answer.

    What it hangs at is a part of the path; at nothing it answers all of them.
    """

    url: str = ""
    before: str | None = None
    after: str | None = None
    thawed: threading.Event = field(default_factory=threading.Event)

    def thaw(self) -> None:
        """Let it go on, with what it has taken in too."""
        self.before = self.after = None
        self.thawed.set()


@contextmanager
def frozen(api_url: str) -> Iterator[Frozen]:
    """Serve in front of the Prefect whose API this is."""
    state = Frozen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._hand_on()

        def do_POST(self) -> None:
            self._hand_on()

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if state.before is not None and state.before in self.path:
                self._hang()
                return
            kind = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
            answer = HTTP.request(self.command, f"{origin}{self.path}", content=body, headers=kind)
            if state.after is not None and state.after in self.path:
                self._hang()
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _hang(self) -> None:
            state.thawed.wait(60)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    place = urlsplit(api_url)
    origin = f"{place.scheme}://{place.netloc}"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}{place.path}"
        try:
            yield state
        finally:
            state.thaw()
            server.shutdown()
            thread.join()
