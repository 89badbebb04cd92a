"""
Traces for OpenTelemetry: off, and nothing of its SDK imported, unless an endpoint is set.

The standard variables decide (``OTEL_EXPORTER_OTLP_ENDPOINT`` and the others that the SDK knows).
Spans leave by OTLP over HTTP, from a thread beside the work: a collector that is away delays
nothing, and the end of a process by ``FLUSH_SECONDS`` at most. Our provider is nobody else's: what
libraries, Prefect among them, would tell OpenTelemetry stays untold.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

FLUSH_SECONDS = 2.0
HEADER = "traceparent"
SCOPE = "cct-ops"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
Attributes = Mapping[str, str | int] | Mapping[str, str | None]

log = logging.getLogger(__name__)


class Span(Protocol):
    """One piece of work in a trace."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Say something more of it; never a secret, a body, or what somebody wrote."""


class _Untold:
    """The span of a process that traces nothing."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Forget it."""


UNTOLD: Span = _Untold()


def enabled() -> bool:
    """Say whether spans go anywhere from this process."""
    if not any(_said(name) for name in _ENDPOINTS):
        return False
    return _said("OTEL_SDK_DISABLED").lower() != "true" and _said("OTEL_TRACES_EXPORTER") != "none"


def parsed(header: str | None) -> str | None:
    """Return a W3C ``traceparent`` in the form of version 00; None for none, or a bad one."""
    found = _TRACEPARENT.fullmatch((header or "").strip())
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "00" and more is not None:
        return None
    return f"00-{trace}-{span}-{'01' if int(flags, 16) & 1 else '00'}"


@contextmanager
def span(
    name: str, told: Attributes | None = None, *, kind: Kind = "INTERNAL", parent: str | None = None
) -> Iterator[Span]:
    """
    Surround a piece of work with a span, below ``parent``, or below the one that is current here.

    An error that ends it is told by its kind alone: its words are for the record.
    """
    provider = _provider() if enabled() else None
    if provider is None:
        yield UNTOLD
        return
    from opentelemetry.trace import SpanKind, StatusCode

    with provider.get_tracer(SCOPE).start_as_current_span(
        name,
        _below(parent),
        SpanKind[kind],
        _known(told),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def record_span(name: str, began: datetime, ended: datetime, told: Attributes) -> None:
    """Tell of something that is over, such as a wait that no process lived through."""
    provider = _provider() if enabled() else None
    if provider is not None:
        started = provider.get_tracer(SCOPE).start_span(
            name, attributes=_known(told), start_time=_nanoseconds(began)
        )
        started.end(_nanoseconds(ended))


def traceparent() -> str | None:
    """Return where this work stands in a trace, for who goes on with it; None where it is none."""
    if not enabled():
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def flush(seconds: float = FLUSH_SECONDS) -> None:
    """Let the spans of this process leave before it ends, and wait no longer than that."""
    provider = _provider() if enabled() and _provider.cache_info().currsize else None
    if provider is not None:
        # The SDK's own limit does not hold for a collector that takes requests and answers none.
        leaving = threading.Thread(target=provider.force_flush, name="spans", daemon=True)
        leaving.start()
        leaving.join(seconds)


def serve_as(service: str) -> None:
    """Name this process in its traces, unless ``OTEL_SERVICE_NAME`` does."""
    if enabled() and not _said("OTEL_SERVICE_NAME"):
        os.environ["OTEL_SERVICE_NAME"] = service


@cache
def _provider() -> TracerProvider | None:
    """Make what sends spans; None where a variable of its own is wrong, which stops no work."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # One line for each batch that is lost is enough: its attempts are no news.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    try:
        # At its end a process would wait for half a minute for a collector that is away.
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except (ValueError, TypeError, OSError) as error:
        log.error("no traces: a variable of OpenTelemetry (OTEL_...) is wrong: %s", error)  # noqa: TRY400 -- the sentence says it all
        return None
    return provider


def _below(parent: str | None) -> Context | None:
    if parent is None:
        return None
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    _, trace, above, flags = parent.split("-")
    flag = TraceFlags(int(flags, 16))
    context = SpanContext(int(trace, 16), int(above, 16), is_remote=True, trace_flags=flag)
    return set_span_in_context(NonRecordingSpan(context))


def _known(told: Attributes | None) -> dict[str, str | int]:
    return {key: value for key, value in (told or {}).items() if value is not None}


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)


def _said(name: str) -> str:
    return os.environ.get(name, "").strip()
