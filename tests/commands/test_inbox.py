"""What people can find out about what came in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cyclopts import CycloptsError

from cct_ops.cli import app
from cct_ops.commands.inbox import reprocess
from cct_ops.commands.replay import replay
from cct_ops.commands.why import why
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.intake import deliveries as intake, outbox
from cct_ops.ledger.intake.tables import alerts, deliveries, dispatches, incidents
from cct_ops.ledger.people import pages, slack_threads
from cct_ops.ledger.record import account
from cct_ops.models.guards import Guard
from cct_ops.models.run import Outcome
from cct_ops.models.topic import MessageRef, Topic
from tests.commands.conftest import Typed
from tests.gateway.signing import FIELDS, SOURCES, Sent, sign
from tests.ledger.history import TARGET, a_run, attempt, decided

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def here(on_ledger: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of sources that can be changed."""
    sources = tmp_path / "sources.yaml"
    know(sources, FIELDS)
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(sources))
    return sources


def know(path: Path, fields: Mapping[str, object]) -> None:
    """Let there be one sender of JSON, and an Alertmanager."""
    shared = {"keys": [{"env": "KEY"}]}
    intervals = {"repeat_interval_seconds": 60, "group_interval_seconds": 60}
    content = {
        "json": shared | {"kind": "json", "fields": fields},
        "alertmanager": shared | {"kind": "alertmanager"} | intervals,
    }
    path.write_text(json.dumps({"sources": content}))


def arrive(engine: sa.Engine, name: str, route: str, status: str = "firing") -> str:
    """Let an alert of the Alertmanager come in; returns its incident."""
    alert = {
        "status": status,
        "labels": {"alertname": name, "route": route},
        "startsAt": NOW.isoformat(),
    }
    body = json.dumps({"version": "4", "alerts": [alert], "mark": uuid4().hex}).encode()
    return take(engine, "alertmanager", body)


def take(engine: sa.Engine, name: str, body: bytes) -> str:
    """Take a body in as the gateway does."""
    source = SOURCES[name]
    incoming = incoming_of(name, source, Sent(source, sign(name, body), body).received, "KEY")
    return ", ".join(map(str, intake.record_all(engine, [incoming])[0].incidents))


def test_the_inbox_says_what_became_of_everything(engine: sa.Engine, typed: Typed) -> None:
    """Run, duplicate, blocked, unmatched, quarantined, and what only waits."""
    arrive(engine, "Waits", "/daily-summary")
    arrive(engine, "Waits", "/daily-summary")
    arrive(engine, "Unheard", "/x", "resolved")
    for state, name in (
        ("dead-lettered", "Blocked"),
        ("notified", "Unmatched"),
        ("grouped", "Stormy"),
    ):
        incident = arrive(engine, name, "/x")
        with engine.begin() as connection:
            connection.execute(
                sa.update(dispatches)
                .where(dispatches.c.incident_id == incident)
                .values(state=state, note=f"because it is {name}")
            )
    take(engine, "json", b'{"state":"puzzled"}')
    said = typed("inbox")

    for words in (
        "waits: not tried yet",
        "duplicate: its incident is open already",
        "the end of something that was never heard of",
        "blocked: because it is Blocked",
        "unmatched: because it is Unmatched",
        "because it is Stormy",
        "quarantined: state: not a value that this source declares",
        "deliveries quarantined: 1",
    ):
        assert words in said
    assert "Unmatched" not in typed("inbox --unfinished")


def test_why_shows_the_story_of_one_alert(engine: sa.Engine, typed: Typed) -> None:
    """By its name or its incident; and what today's rules say to it."""
    incident = arrive(engine, "CanaryRolledBack", "/daily-summary")
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    run = uuid4()
    outbox.mark_sent(engine, claim, rule="r", playbook="auto-rollback", flow_run_id=run)
    for wanted in ("CanaryRolledBack", incident, str(run)):
        said = typed(f"why {wanted}")
        assert f"run {run} of auto-rollback" in said
        assert "today's rule for it is canary-rolled-back: auto-rollback (auto)" in said

    with pytest.raises(BadConfiguration, match="there is no alert"):
        why("Nothing")


def test_a_quarantined_delivery_is_taken_in_after_a_fix(
    engine: sa.Engine, here: Path, typed: Typed
) -> None:
    """Nothing was lost: the body waited."""
    body = {"state": "puzzled", "id": 1, "at": NOW.isoformat(), "name": "X"}
    take(engine, "json", json.dumps(body).encode())
    with engine.connect() as connection:
        (delivery,) = connection.scalars(sa.select(deliveries.c.id))
    with pytest.raises(BadConfiguration, match="there is no delivery 12345678"):
        reprocess("12345678")
    with pytest.raises(BadConfiguration, match="still not understood: state: not a value"):
        reprocess(str(delivery))
    know(here, FIELDS | {"firing": ["open", "puzzled"]})

    assert ", 1 incident\n" in typed(f"reprocess {str(delivery)[:8]}")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dispatches)) == 1
    with pytest.raises(BadConfiguration, match="no delivery"):
        reprocess(str(delivery))


def test_a_replay_shows_what_today_would_do_and_touches_nothing(
    engine: sa.Engine, typed: Typed
) -> None:
    """Each episode once, with its mode after the policy, its parameters, or why there is no run."""
    arrive(engine, "CanaryRolledBack", "/daily-summary")
    arrive(engine, "CanaryRolledBack", "/daily-summary")
    arrive(engine, "CanaryRolledBack", "/nowhere")
    arrive(engine, "Other", "/x")
    take(engine, "json", b"{}")

    def everything() -> list[object]:
        with engine.connect() as connection:
            tables = (deliveries, alerts, incidents, dispatches)
            return [connection.execute(sa.select(table)).all() for table in tables]

    before = everything()
    said = typed("replay --since 1h")
    assert everything() == before
    assert "auto-rollback (target=/daily-summary), mode auto" in said
    assert "blocked, label route is not a route of CCT" in said
    assert "everything-else: people are notified" in said
    assert "opened: 3, quarantined: 1, seen: 1" in said

    soon = datetime.now(UTC) + timedelta(hours=1)
    assert "Nothing" in typed(f"replay --since {soon.isoformat()}")
    for odd in ("yesterday", "999999d", "9" * 5000, "\u0661d", "0001-01-01T00:00:00+99:99"):
        with pytest.raises(BadConfiguration, match="is no moment"):
            replay(since=odd)


def test_people_count_as_notified_once_slack_has_taken_it(engine: sa.Engine, typed: Typed) -> None:
    """Not when it was queued; and why not, where it was refused or there is no Slack."""

    def unmatched(name: str) -> outbox.Claim:
        arrive(engine, name, "/x")
        claim = outbox.claim(engine, outbox.REMEDIATE, 30)
        assert claim is not None
        outbox.hand_to_people(engine, claim, state="notified", rule="r", reason=f"no rule: {name}")
        notice = outbox.claim(engine, outbox.NOTICE, 30)
        assert notice is not None
        return notice

    outbox.mark_notified(engine, unmatched("Noted"))
    outbox.mark_notified(engine, unmatched("NoSlack"), undelivered="SLACK_WEBHOOK_URL is not set")
    outbox.postpone(engine, unmatched("Later"), 60, "Slack answered 503.")
    outbox.mark_dead_lettered(
        engine, unmatched("Refused"), "Slack refused a message: invalid_auth."
    )
    said = typed("inbox")

    for words in (
        "unmatched, people notified: no rule: Noted",
        "unmatched, not notified: SLACK_WEBHOOK_URL is not set (no rule: NoSlack)",
        "unmatched, not notified yet: Slack answered 503. (no rule: Later)",
        "unmatched, not notified: Slack refused a message: invalid_auth. (no rule: Refused)",
    ):
        assert words in said
    left = typed("inbox --unfinished")
    assert "dispatches dead-lettered: 1" in left
    assert [name for name in ("Noted", "NoSlack", "Later", "Refused") if f": {name}" in left] == [
        "Later",
        "Refused",
    ]


@pytest.mark.parametrize("limit", ["-3", "0", "99999999999999999999"])
def test_a_limit_that_is_no_number_of_alerts_is_refused(limit: str) -> None:
    with pytest.raises(CycloptsError, match="--limit"):
        app(f"inbox --limit {limit}", exit_on_error=False, print_error=False)


def test_a_watchdog_is_reported_to_nobody_and_the_inbox_says_so(
    engine: sa.Engine, typed: Typed
) -> None:
    arrive(engine, "Watchdog", "/x")
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    outbox.mark_notified(engine, claim, "A watchdog: only its silence is an incident.")

    assert "unmatched: A watchdog" in typed("inbox")


def test_why_shows_a_run_that_the_kill_switch_blocked_from_its_arrival_to_its_end(
    engine: sa.Engine, typed: Typed
) -> None:
    """Delivery, rule, run, guard, outcome, notice and page, and none of it for another incident."""
    incident = arrive(engine, "CanaryRolledBack", "/daily-summary")
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    run = a_run(incident_id=UUID(incident))
    outbox.mark_sent(
        engine, claim, rule="canary-rolled-back", playbook="auto-rollback", flow_run_id=run.id
    )
    reason = "The kill switch is pulled by ops: drill."
    decided(engine, run, "Blocked", reason=reason, guard=Guard.KILL_SWITCH.value)
    account.record_outcome(engine, run, TARGET, Outcome.BLOCKED, "The kill switch is pulled.")
    pages.ask(engine, "c", subject="P0: CanaryRolledBack", body="-", topic_id=UUID(incident))
    topic = Topic(id=UUID(incident), title="auto-rollback on /daily-summary", state="Blocked")
    with slack_threads.held(engine, topic.id) as thread:
        thread.shows(MessageRef(channel="C1", ts="1.0"), topic)

    for wanted in (incident, str(run.id), str(run.id)[:8], "CanaryRolledBack"):
        said = typed(f"why {wanted}")
        for words in (
            f"Incident {incident}: CanaryRolledBack from alertmanager, open",
            "the alert is firing (opened)",
            f"rule canary-rolled-back: run {run.id} of auto-rollback was created",
            "Blocked by the guard kill switch, in mode auto: The kill switch is pulled by ops",
            "ended as Blocked: The kill switch is pulled.",
            "page asked for: P0: CanaryRolledBack",
            "Its thread in Slack shows now: Blocked: auto-rollback on /daily-summary",
        ):
            assert words in said
    shown = json.loads(typed(f"why {incident} --json"))
    assert shown["stories"][0]["moments"][0]["what"].startswith("it began")


def test_why_knows_a_run_that_no_alert_started(engine: sa.Engine, typed: Typed) -> None:
    run = attempt(engine, Outcome.UNDONE)

    said = typed(f"why {run.id}")

    assert f"Run {run.id}: auto-rollback on {TARGET}, started without an alert" in said
    assert "ended as Undone: as it went" in said
