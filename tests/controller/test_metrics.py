"""What Prometheus reads of the ledger and the gate: right, cheap, and harmless where it fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from cct_ops.controller import gate_metrics, metrics
from cct_ops.controller.metrics import BREAKERS_OPEN, LedgerState, show_breakers
from cct_ops.exposition import serve_metrics
from cct_ops.ledger.gate import switches
from cct_ops.ledger.gauges import GAUGES, read_gauges
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.inbox import BACKLOG
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import counted, streams
from cct_ops.models.run import Outcome
from cct_ops.record.sequencer import sequence
from cct_ops.record.stream.turn import take_turn
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from tests.gateway.test_operating import take_away
from tests.ledger.alerts import opened
from tests.ledger.history import PLAYBOOK, a_run, attempt, decided
from tests.plain import HTTP
from tests.record.streamed import ORIGIN, Streamed, place

POLICY = """
playbooks:
  {playbook}: {{ceiling: auto, targets: ["*"]}}
guards: {{failed_attempts: 2}}
"""


@pytest.fixture
def fresh_counters() -> Iterator[None]:
    """Counters as of a controller that has just begun."""
    _begin_again()
    yield
    _begin_again()


def _begin_again() -> None:
    for counter in gate_metrics.COUNTERS:
        if counter is gate_metrics.UNDO_FAILURES:
            counter.reset()  # it has no labels
        else:
            counter.clear()
    BREAKERS_OPEN.clear()


def values(state: LedgerState) -> dict[str, float]:
    """Return all numbers of one scrape, by name and labels; those of zero are left out."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in state.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


def test_an_empty_ledger_has_every_number(engine: sa.Engine) -> None:
    """Where nothing waits it says 0, so that what is missing means that something is wrong."""
    found = read_gauges(engine)

    empty = {name for name, rows in found.items() if not rows}
    assert empty == {
        "cct_ops_part_silent_seconds",
        "cct_ops_audit_stream_behind_events",
        "cct_ops_audit_stream_behind_seconds",
        "cct_ops_checkpoint_leaves",
        "cct_ops_checkpoint_age_seconds",
        "cct_ops_checkpoint_unsigned_seconds",
        "cct_ops_backup_age_seconds",
    }
    assert {value for rows in found.values() for _, value in rows} == {0.0}
    assert [label for label, _ in sorted(found["cct_ops_dispatches_pending"])] == [
        "notice",
        "remediate",
    ]


def test_what_waits_is_told_with_its_age(engine: sa.Engine) -> None:
    incident_id = opened(engine)
    with engine.begin() as tx:
        outbox.enqueue(tx, [incident_id], outbox.NOTICE)
        earlier = dispatches.c.created_at - timedelta(minutes=10)
        tx.execute(sa.update(dispatches).values(created_at=earlier))
    switches.stop(engine, "a drill", "ada")

    found = read_gauges(engine)

    assert dict(found["cct_ops_dispatches_pending"]) == {"remediate": 1, "notice": 1}
    ages = dict(found["cct_ops_dispatches_oldest_pending_seconds"])
    assert all(600 <= age < 700 for age in ages.values())
    assert found["cct_ops_kill_switch_pulled"] == [(None, 1.0)]


def test_the_doings_of_runs_are_counted_once_and_stay_counted(
    engine: sa.Engine, fresh_counters: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever process did them; what was deleted since, and what was before, changes nothing."""
    attempt(engine, Outcome.RESOLVED)
    sequence(engine)
    state = LedgerState(engine)
    assert "cct_ops_gate_permits_total change" not in values(state)

    monkeypatch.setattr(counted, "AT_ONCE", 4)  # one look does not reach the end
    attempt(engine, Outcome.RESOLVED)
    attempt(engine, Outcome.UNDONE)
    decided(engine, a_run(), "undo failed")
    decided(engine, a_run(), "Blocked", guard="cool-down")
    assert "cct_ops_gate_permits_total change" not in values(state)  # not in the log yet
    sequence(engine)
    for _ in range(10):
        found = values(state)

    assert {
        name: value for name, value in found.items() if "_gate_" in name or "runs_ended" in name
    } == {
        f"cct_ops_gate_decisions_total {PLAYBOOK} permitted": 2,
        f"cct_ops_gate_decisions_total {PLAYBOOK} undo failed": 1,
        f"cct_ops_gate_decisions_total {PLAYBOOK} Blocked": 1,
        "cct_ops_gate_stopped_total cool-down": 1,
        "cct_ops_gate_undo_failures_total": 1,
        "cct_ops_gate_permits_total change": 2,
        "cct_ops_gate_verifications_total holds": 1,
        "cct_ops_gate_verifications_total broken": 1,
        f"cct_ops_runs_ended_total {PLAYBOOK} Resolved": 1,
        f"cct_ops_runs_ended_total {PLAYBOOK} Undone": 1,
    }
    with engine.begin() as tx:
        tx.execute(sa.text("delete from decisions"))
    sequence(engine)
    assert values(state).items() >= {
        (name, value) for name, value in found.items() if "_gate_" in name
    }


def test_open_breakers_are_counted_by_playbook_and_class(
    engine: sa.Engine, fresh_counters: None, tmp_path: Path
) -> None:
    """A target is never a label: it came with an alert."""
    policy = tmp_path / "policy.yaml"
    classes = "autonomy: {classes: {briefings: ['/pre-*']}}\n"
    policy.write_text(POLICY.format(playbook=PLAYBOOK) + classes)
    for target in ("/pre-market", "/pre-close", "/elsewhere", "/other"):
        attempt(engine, Outcome.FAILED, target=target)
    for target in ("/pre-market", "/elsewhere", "/other"):
        attempt(engine, Outcome.FAILED, target=target)

    show_breakers(engine, policy)

    found = {
        tuple(sample.labels.values()): sample.value
        for family in BREAKERS_OPEN.collect()
        for sample in family.samples
    }
    assert found == {
        (PLAYBOOK, "briefings", "breaker, failed attempts"): 1,
        (PLAYBOOK, "briefings", "breaker, recurring fixes"): 0,
        (PLAYBOOK, "others", "breaker, failed attempts"): 2,
        (PLAYBOOK, "others", "breaker, recurring fixes"): 0,
    }


def test_each_stream_of_audit_events_tells_how_far_it_is_behind(
    engine: sa.Engine, tmp_path: Path
) -> None:
    ours = Streamed(engine, place(file="audit.jsonl"), tmp_path)
    streams.record_named(engine, {"siem": True, "late": False})
    ours.happen(3)
    with streams.sending(engine, "siem") as cursor:
        assert cursor is not None
        take_turn(cursor, ours.place, ORIGIN, tmp_path)

    found = read_gauges(engine)

    seconds = dict(found["cct_ops_audit_stream_behind_seconds"])
    assert dict(found["cct_ops_audit_stream_behind_events"]) == {"siem": 0, "late": 3}
    assert seconds["siem"] == 0 < seconds["late"]


def test_a_ledger_that_is_away_is_told(
    postgres: EmbeddedPostgres, engine: sa.Engine, fresh_counters: None
) -> None:
    """No gauge shows an old number, no counter falls, and nothing is raised."""
    state = LedgerState(engine)
    decided(engine, a_run())
    sequence(engine)
    assert values(state)["cct_ops_ledger_up"] == 1
    take_away(postgres, str(engine.url.database), gone=True)
    try:
        found = values(state)
    finally:
        take_away(postgres, str(engine.url.database), gone=False)

    assert found == {f"cct_ops_gate_decisions_total {PLAYBOOK} permitted": 1}
    assert values(state)["cct_ops_ledger_up"] == 1


def test_one_scrape_at_a_time_asks_the_ledger(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scrapes of a ledger that hangs do not pile up."""
    state = LedgerState(engine)
    monkeypatch.setattr(metrics, "READ_SECONDS", 0.01)
    with state._reading:
        assert "cct_ops_ledger_up" not in values(state)


def test_every_gauge_is_read_by_an_index_or_from_a_small_table(engine: sa.Engine) -> None:
    """However long the ledger gets; without its indexes PostgreSQL would read all of a table."""
    small = {"set_aside", "heartbeats", "log_queue"}  # rows leave them again
    small |= {"audit_streams"}  # as many as policy ever named
    asked = [*(gauge.query for gauge in GAUGES), *BACKLOG.values()]
    with engine.connect() as connection:
        connection.execute(sa.text("set enable_seqscan = off"))
        for query in asked:
            plan = connection.execute(sa.text(f"explain {query}")).scalars()
            read_whole = {line.split(" on ")[1].split()[0] for line in plan if "Seq Scan" in line}
            assert read_whole <= small, query


def test_a_taken_port_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve_metrics(CollectorRegistry(), "127.0.0.1", port, "CCT_OPS_X_PORT")

    assert f"no metrics: cannot listen on 127.0.0.1:{port}" in caplog.text
    assert "choose another port with CCT_OPS_X_PORT" in caplog.text


def test_prometheus_reads_what_a_part_counts() -> None:
    """With the part's own memory; port 0 is none."""
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    serve_metrics(registry, "127.0.0.1", 0, "CCT_OPS_X_PORT")
    port = free_port()
    serve_metrics(registry, "127.0.0.1", port, "CCT_OPS_X_PORT")

    text = HTTP.get(f"http://127.0.0.1:{port}/metrics").text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"things", "process_resident_memory_bytes", "process_cpu_seconds"} <= names
