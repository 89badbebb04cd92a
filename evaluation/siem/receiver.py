"""
``python -m evaluation.siem.receiver PORT FILE``: takes CloudEvents in batches until it is killed.

What it answers with 200 stands in the file, on the disk, one event in each line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cct_ops.record.stream.http import BATCH


class Endpoint(ThreadingHTTPServer):
    """Writes down what it is sent, one request at a time."""

    daemon_threads = True

    def __init__(self, port: int, file: Path) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.file = file.open("ab")
        self.turn = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_POST(self) -> None:
        """Take a batch."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        well = self.headers["Content-Type"].startswith(BATCH)
        if well:
            lines = [json.dumps(event) + "\n" for event in json.loads(body)]
            with self.server.turn:
                self.server.file.write("".join(lines).encode())
                self.server.file.flush()
                os.fsync(self.server.file.fileno())
        self.send_response(204 if well else 415)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def received(file: Path) -> Iterator[dict[str, Any]]:
    """Yield each event that was taken whole, in the order of arrival, copies too."""
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
        if line.endswith(b"\n"):
            yield json.loads(line)


def first_copies(file: Path) -> list[dict[str, Any]]:
    """Return what a SIEM keeps that drops what it has: the first copy of each event."""
    kept: dict[str, dict[str, Any]] = {}
    for event in received(file):
        kept.setdefault(event["id"], event)
    return list(kept.values())


if __name__ == "__main__":
    with Endpoint(int(sys.argv[1]), Path(sys.argv[2])) as endpoint:
        sys.stdout.write("receiving\n")
        sys.stdout.flush()
        endpoint.serve_forever(poll_interval=0.1)
