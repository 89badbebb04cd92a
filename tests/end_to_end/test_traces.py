"""One trace leads from an alert's sender through our parts to each request at CCT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import StateType

from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.intake.traces import of_incident as traced_at
from cct_ops.models.cct import Route
from cct_ops.record import account
from cct_ops.tracing import SCOPE
from tests.end_to_end.conftest import Stack, a_stack
from tests.otlp import Collector, Told, collector
from tests.plain import HTTP
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack on a busy machine

TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STARTED = ["dispatch auto-rollback", "POST /hooks/{source}"]


@pytest.fixture(scope="module")
def traces() -> Iterator[Collector]:
    """What the parts of the stack tell of their work."""
    with collector() as made:
        yield made


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, traces: Collector) -> Iterator[Stack]:
    """A stack of their own: in that of others the record may be such that a person is asked."""
    traced = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=a-secret-of-the-collector",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    with a_stack(tmp_path_factory.mktemp("traced"), traced) as made:
        yield made


def fires(stack: Stack, route: Route, traceparent: str, *, minutes_ago: float) -> UUID:
    """Let a canary be rolled back, and its alert come from a sender that traces it."""
    stack.sandbox.reset(limits=False)
    stack.sandbox.roll_back(
        route.value, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=minutes_ago
    )
    return alerted(stack, route, traceparent)


def alerted(stack: Stack, route: Route, traceparent: str) -> UUID:
    """Let the alert of that come in; returns its incident."""
    one = {
        "status": "firing",
        "labels": {"alertname": "CanaryRolledBack", "route": route.value},
        "annotations": {"summary": "words-of-the-sender"},
        "startsAt": datetime.now(UTC).isoformat(),
    }
    answer = HTTP.post(
        f"{stack.gateway}/hooks/alertmanager",
        content=json.dumps({"version": "4", "status": "firing", "alerts": [one]}),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {stack.env['CCT_OPS_ALERTMANAGER_KEY']}",
            "traceparent": traceparent,
        },
    )
    (incident_id,) = answer.raise_for_status().json()["incidents"]
    return UUID(incident_id)


def run_of(stack: Stack, incident_id: UUID) -> UUID:
    """Wait for the run that was started for it."""
    found: list[UUID] = []

    def started() -> list[UUID]:
        wanted = sa.select(dispatches.c.flow_run_id).where(
            dispatches.c.incident_id == incident_id, dispatches.c.flow_run_id.is_not(None)
        )
        with stack.engine.connect() as connection:
            found[:] = connection.scalars(wanted)
        return found

    eventually(started)
    return found[0]


def test_one_trace_leads_from_the_sender_to_each_request(stack: Stack, traces: Collector) -> None:
    """With every step at the gate, in its order; and nothing in it that is secret."""
    incident_id = fires(stack, Route.PRE_MARKET_BRIEFING, f"00-{TRACE}-{ABOVE}-01", minutes_ago=10)
    run_id = run_of(stack, incident_id)
    eventually(lambda: stack.state(run_id).is_final(), seconds=120)
    eventually(lambda: {"run auto-rollback", *STARTED} <= {each.name for each in traces.spans})
    spans = traces.of(TRACE)

    def above(span: Told) -> list[str]:
        """The names of the spans above one, the nearest first; the sender's own ends them."""
        names = []
        while (parent := spans.get(span.parent)) is not None:
            names.append(parent.name)
            span = parent
        assert span.parent == ABOVE, span
        return names

    by_name: dict[str, list[Told]] = {}
    for span in spans.values():
        by_name.setdefault(span.name, []).append(span)
    way = ["run auto-rollback", *STARTED]
    for name in ("decide", "permit", "apply reset_canary", "verify"):
        (step,) = by_name[name]
        assert above(step) == way, name
    write = next(span for span in spans.values() if span.name == "POST /api/v1/canary/reset")
    assert above(write) == ["apply reset_canary", *way]
    assert {span.service for span in spans.values()} == {
        "cct-ops-gateway",
        "cct-ops-controller",
        "cct-ops-run",
    }
    (received,), (run,) = by_name["POST /hooks/{source}"], by_name["run auto-rollback"]
    assert received.attributes["http.response.status_code"] == 202
    assert run.attributes == {
        "cct_ops.playbook": "auto-rollback",
        "cct_ops.run": str(run_id),
        "cct_ops.incident": str(incident_id),
        "cct_ops.outcome": "Resolved",
    }
    assert write.attributes["http.response.status_code"] == 200
    assert write.attributes["url.full"].startswith(f"{stack.env['CCT_URL']}/api/v1/canary/reset")

    (sent,) = [each for each in stack.sandbox.requests() if each.path.endswith("canary/reset")]
    assert sent.traceparent == f"00-{TRACE}-{write.id}-01"
    named = account.read(stack.engine, incident_id)
    assert named is not None
    assert TRACE in {entry.facts.get("trace") for entry in named.entries}


def test_the_wait_for_a_person_is_in_the_trace(stack: Stack, traces: Collector) -> None:
    """Of one run before it and after it; the trace is ours where the sender's word is a bad one."""
    incident_id = fires(stack, Route.WEEKLY_REVIEW, f"00-{'0' * 32}-{ABOVE}-01", minutes_ago=0)
    run_id = run_of(stack, incident_id)
    eventually(stack.state_is(run_id, StateType.PAUSED), seconds=120)
    stack.client.resume_flow_run(run_id, run_input={"decision": "approve", "name": "Ada"})
    eventually(lambda: stack.state(run_id).is_final(), seconds=120)

    trace = (traced_at(stack.engine, incident_id) or "").split("-")[1]

    def named(name: str) -> list[Told]:
        return [each for each in traces.of(trace).values() if each.name == name]

    eventually(lambda: len(named("run auto-rollback")) == 2)
    (first,) = [each for each in traces.of(trace).values() if not each.parent]
    (wait,) = named("approval wait")
    assert first.name == "POST /hooks/{source}"
    assert wait.attributes == {"cct_ops.state": "approved"}
    assert wait.seconds > 0


def test_what_leaves_is_ours_and_holds_no_secret(stack: Stack, traces: Collector) -> None:
    """Prefect, which knows OpenTelemetry too, tells nothing through us."""
    trace = "1" * 32
    fires(stack, Route.END_OF_DAY_SUMMARY, f"00-{trace}-{ABOVE}-01", minutes_ago=0)
    eventually(lambda: "run auto-rollback" in {each.name for each in traces.of(trace).values()})
    secrets = [
        stack.env["X_API_KEY"],
        stack.env["CCT_OPS_ALERTMANAGER_KEY"],
        stack.env["PREFECT_API_AUTH_STRING"],
        "a-secret-of-the-collector",
        "words-of-the-sender",
    ]

    assert {each.scope for each in traces.spans} == {SCOPE}
    assert {headers.get("x-token") for headers in traces.headers} == {"a-secret-of-the-collector"}
    for secret in secrets:
        assert not any(secret.encode() in body for body in traces.bodies)
