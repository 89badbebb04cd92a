"""An outside monitor: a real server that keeps who called it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import SecretStr


@contextmanager
def outside() -> Iterator[tuple[SecretStr, list[str]]]:
    """Run one; its address is a secret."""
    calls: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield SecretStr(f"http://127.0.0.1:{server.server_port}/ping/s3cret"), calls
        finally:
            server.shutdown()
            thread.join()
