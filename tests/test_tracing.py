"""Traces: nothing while no endpoint is set, never in the way, and never more than is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cct_ops import tracing
from tests.conftest import ROOT
from tests.otlp import Collector, collector

TRACE, ABOVE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{ABOVE}-01"


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector to which this process sends its spans."""
    with collector() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "cct-ops-test")
        tracing._provider.cache_clear()
        yield made
    tracing._provider.cache_clear()


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (GIVEN, GIVEN),
        (f"  {GIVEN} ", GIVEN),
        (f"00-{TRACE}-{ABOVE}-00", f"00-{TRACE}-{ABOVE}-00"),
        (f"00-{TRACE}-{ABOVE}-03", GIVEN),  # what other bits mean is not known
        (f"cc-{TRACE}-{ABOVE}-01-what-comes-after-us", GIVEN),
        (f"00-{TRACE}-{ABOVE}-01-more", None),
        (f"ff-{TRACE}-{ABOVE}-01", None),
        (f"00-{'0' * 32}-{ABOVE}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{ABOVE}-01", None),
        (f"00-{TRACE}-{ABOVE}", None),
        ("'; drop table deliveries; --", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bad_traceparent_is_none(header: str | None, read: str | None) -> None:
    """As the W3C's recommendation has it: then the trace begins with us."""
    assert tracing.parsed(header) == read


def test_without_an_endpoint_nothing_is_traced_and_no_sdk_is_imported() -> None:
    """By none of our parts, nor by what a run's process is forked from."""
    asked = (
        "import sys; from pathlib import Path;"
        "import cct_ops.gateway.__main__, cct_ops.controller.__main__;"
        "from cct_ops import tracing; from cct_ops.worker.preload import preload;"
        "preload(Path.cwd());"
        "span = tracing.span('x'); span.__enter__(); assert tracing.traceparent() is None;"
        "tracing.flush(); span.__exit__(None, None, None);"
        "print([name for name in sys.modules"
        " if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.stdout.strip() == "[]", ended.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_the_standard_variables_turn_it_off(
    traced: Collector, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert not tracing.enabled()


def test_spans_are_below_the_one_that_was_given(traced: Collector) -> None:
    """And each below the one around it, with what is known of it."""
    with (
        tracing.span("outer", {"a": "b"}, kind="SERVER", parent=GIVEN) as outer,
        tracing.span("inner"),
    ):
        outer.set_attribute("http.response.status_code", 202)
        inside = tracing.traceparent()
    now = datetime.now(UTC)
    tracing.record_span("wait", now - timedelta(seconds=90), now, {"c": None})
    tracing.flush(30)

    outer_, inner, wait = (traced.named(name) for name in ("outer", "inner", "wait"))
    assert (outer_.trace, outer_.parent, outer_.kind) == (TRACE, ABOVE, 2)
    assert outer_.attributes == {"a": "b", "http.response.status_code": 202}
    assert inner.parent == outer_.id
    assert inside == f"00-{TRACE}-{inner.id}-01"
    assert 89 < wait.seconds < 91
    assert wait.attributes == {}
    assert {each.service for each in traced.spans} == {"cct-ops-test"}
    assert {each.scope for each in traced.spans} == {tracing.SCOPE}


def test_a_sender_that_does_not_sample_is_not_traced(traced: Collector) -> None:
    with tracing.span("unseen", parent=f"00-{TRACE}-{ABOVE}-00"):
        assert tracing.traceparent() is not None  # who goes on is told so
    tracing.flush(30)

    assert traced.spans == []


def test_an_error_is_told_by_its_kind_alone(traced: Collector) -> None:
    """Its words may hold what a sender or CCT wrote."""
    with pytest.raises(ValueError, match="secret"), tracing.span("fails"):
        raise ValueError("a secret")
    tracing.flush(30)

    failed = traced.named("fails")
    assert (failed.status, failed.message) == (2, "ValueError")
    assert all(b"secret" not in body for body in traced.bodies)


def test_a_collector_that_answers_nothing_holds_nobody_up(traced: Collector) -> None:
    """Work goes on, and what is left to wait for at the end has its limit."""
    traced.silent.set()
    with tracing.span("lost"):
        pass
    tracing.flush(0.2)

    assert traced.asked.wait(30)
    assert not traced.over.is_set()  # it still holds the request, and we are here


def test_a_wrong_variable_is_said_once_and_stops_no_work(
    traced: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    for _ in range(2):
        with tracing.span("untold") as span:
            span.set_attribute("a", "b")
    tracing.flush()

    (said,) = caplog.messages
    assert said.startswith("no traces: a variable of OpenTelemetry (OTEL_...) is wrong:")
