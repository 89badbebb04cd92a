"""A collector for traces: it takes OTLP over HTTP, as OpenTelemetry's exporters send it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Told(NamedTuple):
    """One span as it arrived."""

    service: str
    scope: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    status: int
    message: str
    attributes: dict[str, Any]
    seconds: float


class Collector:
    """What arrived at one address; while it is ``silent`` it takes requests and answers none."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.silent = threading.Event()
        self.asked = threading.Event()
        self.over = threading.Event()
        self.url = ""

    def named(self, name: str) -> Told:
        """The one span of this name."""
        (found,) = [each for each in self.spans if each.name == name]
        return found

    def of(self, trace: str) -> dict[str, Told]:
        """The spans of one trace, by their ids."""
        return {each.id: each for each in self.spans if each.trace == trace}

    def take(self, body: bytes) -> None:
        """Read what a process sent."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of_resource = {
                each.key: each.value.string_value for each in resource.resource.attributes
            }
            for scope in resource.scope_spans:
                for span in scope.spans:
                    values = {each.key: each.value for each in span.attributes}
                    self.spans.append(
                        Told(
                            of_resource["service.name"],
                            scope.scope.name,
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.kind,
                            span.status.code,
                            span.status.message,
                            {
                                key: getattr(value, value.WhichOneof("value"))
                                for key, value in values.items()
                            },
                            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                        )
                    )


@contextmanager
def collector() -> Iterator[Collector]:
    """Run one for the length of the block."""
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.asked.set()
            if made.silent.is_set():
                made.over.wait()
                return
            packed = self.headers.get("Content-Encoding") == "gzip"
            made.headers.append(dict(self.headers))
            made.take(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
