"""A line to a server that can be cut, as an outage of the server cuts it."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from cct_ops.stack.postgres import free_port


class Relay:
    """Passes on what comes to its own port while it is not cut."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._target = (place.hostname, place.port)
        self._port = free_port()
        login = "".join(place.netloc.rpartition("@")[:2])
        self.url = place._replace(netloc=f"{login}127.0.0.1:{self._port}").geturl()
        self._running: tuple[_Server, threading.Thread] | None = None

    def mend(self) -> None:
        """Begin to pass on."""
        server = _Server(("127.0.0.1", self._port), _Connection)
        server.target, server.over = self._target, threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self._running = server, thread

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._running is not None:
            (server, thread), self._running = self._running, None
            server.shutdown()
            thread.join()
            server.over.set()
            server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 100
    target: tuple[str | None, int | None]
    over: threading.Event


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Carry bytes both ways until one side or the line itself ends."""
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection(self.server.target) as far,
        ):
            other = {self.request: far, far: self.request}
            while not self.server.over.is_set():
                for side in select.select(list(other), [], [], 0.1)[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    other[side].sendall(data)


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    """Stand in for the server at this address until the block ends."""
    line = Relay(url)
    line.mend()
    try:
        yield line
    finally:
        line.cut()
