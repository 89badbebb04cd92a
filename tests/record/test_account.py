"""An account says what came, who decided it and what was done, whatever became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.errors import ContractBroken
from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.gate import attempts, changes, leases, permits
from cct_ops.ledger.intake import deliveries, grouping, outbox
from cct_ops.ledger.intake.grouping import GroupingLimits
from cct_ops.ledger.people import pages
from cct_ops.ledger.record import account as runs
from cct_ops.models.account import Account, Actor, ActorKind, EntryKind
from cct_ops.models.change import ChangeState
from cct_ops.models.guards import Guard
from cct_ops.models.plan import PermitKind, Step
from cct_ops.models.run import Outcome, Start, Starter
from cct_ops.record import account
from tests.approvals.parts import asked
from tests.gateway.signing import SOURCES, Sent, sign
from tests.ledger.history import CALL, TARGET, a_run, attempt, decided, permitted, plan


def arrive(engine: sa.Engine, name: str = "CanaryRolledBack", status: str = "firing") -> UUID:
    """Let an alert of the Alertmanager come in as the gateway takes it; returns its incident."""
    alert = {
        "status": status,
        "labels": {"alertname": name, "route": TARGET},
        "startsAt": datetime.now(UTC).isoformat(),
    }
    body = json.dumps({"version": "4", "alerts": [alert], "mark": uuid4().hex}).encode()
    source = SOURCES["alertmanager"]
    received = Sent(source, sign("alertmanager", body), body).received
    incoming = incoming_of("alertmanager", source, received, "first")
    return deliveries.record_all(engine, [incoming])[0].incidents[0]


def told(engine: sa.Engine, wanted: UUID) -> Account:
    """Return the account of what the ledger knows."""
    found = account.read(engine, wanted)
    assert found is not None
    return found


def claimed(engine: sa.Engine, purpose: str = outbox.REMEDIATE) -> outbox.Claim:
    """Take the row that is due."""
    claim = outbox.claim(engine, purpose, 30)
    assert claim is not None
    return claim


def words(found: Account) -> str:
    """Return all of its sentences."""
    return "\n".join(entry.text for entry in found.entries)


def test_two_statements_bring_all_of_it(engine: sa.Engine, statements: list[str]) -> None:
    """However many runs and rows there are."""
    incident = arrive(engine)
    for _ in range(5):
        decided(engine, a_run(incident_id=incident), "Blocked", guard=Guard.HOLD.value)
    statements.clear()

    found = told(engine, incident)

    assert len(found.runs) == 5
    assert len(statements) == 2


def test_an_alert_that_started_nothing_says_why(engine: sa.Engine) -> None:
    """The route said no: by which rule, and whether people were notified."""
    incident = arrive(engine)
    reason = "No playbook is meant for this alert."
    outbox.hand_to_people(engine, claimed(engine), state="notified", rule="rest", reason=reason)
    outbox.mark_notified(engine, claimed(engine, outbox.NOTICE))

    found = told(engine, incident)

    assert found.summary == f"rule rest: no run: {reason}"
    assert found.outcome is None
    assert found.runs == ()
    assert [entry.kind for entry in found.entries] == [
        EntryKind.BEGAN,
        EntryKind.ALERT,
        EntryKind.DISPATCH,
        EntryKind.NOTICE,
    ]
    assert f"people notified: {reason}" in words(found)


def test_what_was_set_aside_says_why(engine: sa.Engine) -> None:
    incident = arrive(engine)
    outbox.hand_to_people(
        engine, claimed(engine), state=outbox.DEAD_LETTERED, rule="r", reason="No such deployment."
    )

    assert told(engine, incident).summary == "rule r: set aside: No such deployment."


def test_one_of_a_burst_leads_to_the_one_that_stands_for_it(engine: sa.Engine) -> None:
    leader, other = arrive(engine, "One"), arrive(engine, "Two")
    limits = GroupingLimits(incidents=1, within_seconds=60)
    burst = grouping.begin_or_end(engine, limits)
    assert burst is not None
    grouping.choose_leader(engine, burst, "alertmanager/r/x.", leader, limits)
    grouping.group(engine, burst, lambda *_: "alertmanager/r/x.", limits)

    summary = told(engine, other).summary or ""
    assert f"only incident {leader} of its group is diagnosed" in summary
    assert "This incident stands for 1 other" in words(told(engine, leader))


@pytest.mark.parametrize("guard", [Guard.SILENCE, Guard.STORM, Guard.KILL_SWITCH])
def test_a_refusal_names_the_guard(engine: sa.Engine, guard: Guard) -> None:
    run = a_run(incident_id=arrive(engine))
    decided(engine, run, "Blocked", reason="So it was.", guard=guard.value)
    runs.record_outcome(engine, run, TARGET, Outcome.BLOCKED, "So it was.")

    found = told(engine, run.id)

    assert found.id == run.incident_id
    assert found.outcome is Outcome.BLOCKED
    assert f"Blocked by the guard {guard}, in mode auto: So it was." in words(found)


def test_what_is_late_or_expired_says_so(engine: sa.Engine) -> None:
    incident = arrive(engine)
    deliveries.expire(engine, "alertmanager", 0)

    found = told(engine, incident)

    assert found.state == "closed as expired"
    assert "it was not reported again" in words(found)


def test_a_delivery_that_nobody_understood_has_an_account(engine: sa.Engine) -> None:
    """It opened no incident, and says why."""
    body = b'{"state":"puzzled"}'
    received = Sent(SOURCES["json"], sign("json", body), body).received
    incoming = incoming_of("json", SOURCES["json"], received, "first")
    (receipt,) = deliveries.record_all(engine, [incoming])

    found = account.read_delivery(engine, receipt.delivery_id)

    assert account.incidents_of(engine, receipt.delivery_id) == []
    assert found is not None
    assert found.state == "quarantined"
    assert "state: not a value that this source declares" in (found.summary or "")


@pytest.mark.parametrize(
    ("start", "kind", "name", "proved"),
    [
        (Start(starter=Starter.PERSON, name="anna"), ActorKind.PERSON, "anna", "tag"),
        (Start(starter=Starter.SCHEDULE), ActorKind.SCHEDULE, "a schedule", "Prefect"),
        (Start(starter=Starter.PREFECT), ActorKind.PERSON, "somebody in Prefect", "none"),
    ],
)
def test_a_run_without_an_alert_names_who_started_it(
    engine: sa.Engine, start: Start, kind: ActorKind, name: str, proved: str
) -> None:
    """A person, as far as that is proved, or a schedule."""
    run = a_run()
    with attempts.attempt(engine, run.id, 60, start):
        assert told(engine, run.id).state == "at work"
    runs.record_outcome(engine, run, TARGET, Outcome.NOTHING_TO_DO, "All is well.")

    found = told(engine, run.id)

    assert (found.about, found.state, found.outcome) == ("run", "ended", Outcome.NOTHING_TO_DO)
    assert found.title == f"Run {run.id}: auto-rollback on {TARGET}, started without an alert"
    (started,) = [entry for entry in found.entries if entry.kind is EntryKind.STARTED]
    assert started.actor == Actor(kind=kind, name=name, proof=started.actor.proof)
    assert proved in (started.actor.proof or "")


def test_the_first_attempt_is_when_a_run_began(engine: sa.Engine) -> None:
    """A resumed run goes on in another process, and keeps who started it."""
    run = a_run()
    with attempts.attempt(engine, run.id, 60, Start(starter=Starter.PERSON, name="anna")):
        before = told(engine, run.id).entries
    with attempts.attempt(engine, run.id, 60, Start(starter=Starter.PREFECT)):
        assert told(engine, run.id).entries == before


def test_a_run_that_waits_says_for_what(engine: sa.Engine) -> None:
    approval = asked(engine)

    found = told(engine, approval.run_id)

    assert found.state == "waits for approval"
    (entry,) = [each for each in found.entries if each.kind is EntryKind.APPROVAL]
    assert entry.facts["request"] == str(approval.id)
    assert entry.facts["plan"] == approval.plan_digest


def test_what_was_undone_is_told_apart_from_what_was_done(engine: sa.Engine) -> None:
    """And a request that was refused from one that took effect."""
    run = a_run()
    permit = permitted(engine, run, plan())
    with permits.Checker(engine, run.id).check(permit, CALL):
        permits.confirm(engine, permit, CALL)
    with engine.begin() as tx:
        restore = permits.issue(
            tx,
            PermitKind.RESTORE,
            plan(),
            (CALL,),
            run=run,
            fencing_token=permit.fencing_token,
            seconds=60,
        )
    with permits.Checker(engine, run.id).check(restore, CALL):
        permits.settle(engine, restore, CALL, permits.NOT_DONE)

    found = told(engine, run.id)
    steps = [entry for entry in found.entries if "permit" in entry.facts]

    assert [entry.kind for entry in steps] == [
        EntryKind.PERMIT,
        EntryKind.REQUEST,
        EntryKind.PERMIT,
        EntryKind.UNDO,
    ]
    assert steps[0].facts["permit"] == steps[1].facts["permit"] == str(permit.id)
    assert steps[3].text.endswith("it was refused, so nothing was done")
    assert f"read back, took effect: {CALL}" in words(found)


def test_what_died_leads_to_the_run_that_put_it_back(engine: sa.Engine) -> None:
    """And a change that ends by itself to the run that ends it."""
    run, recovery, revert = a_run(incident_id=arrive(engine)), a_run("recover"), a_run("revert")
    permit = permitted(engine, run, plan())
    step = Step(call=CALL, undo=CALL, lasts_minutes=60)
    with engine.begin() as tx:
        change = changes.schedule(tx, permit, step, before="off", owner="anna", reason="a drill")
    changes.record_scheduled_revert(engine, change, revert.id)
    with engine.begin() as tx:
        tx.execute(sa.text("update run_leases set expires_at = clock_timestamp()"))
    assert leases.reap(engine, run.id)
    with leases.claim(engine, run.id) as held:
        assert held is not None
        leases.record_successor(*held, recovery.id, recovery=True)
    for each in (recovery, revert):
        runs.record_outcome(engine, each, TARGET, Outcome.RESOLVED, f"by {each.playbook}")

    found = told(engine, run.id)

    assert {each.id for each in found.runs} == {run.id, recovery.id, revert.id}
    assert found.outcome is None  # the incident's own run has none: others cleaned up after it
    assert "taken for dead" in words(found)
    assert f"temporary change {change.id}" in words(found)
    assert "ended as Resolved: by revert" in words(found)


def test_a_run_that_waits_to_take_a_change_back_says_when_it_is_due(engine: sa.Engine) -> None:
    """It is named before it begins; once the change is over, it is none of the account's."""
    run, revert = a_run(incident_id=arrive(engine)), uuid4()
    permit = permitted(engine, run, plan())
    step = Step(call=CALL, undo=CALL, lasts_minutes=60)
    with engine.begin() as tx:
        change = changes.schedule(tx, permit, step, before="off", owner="anna", reason="a drill")
    changes.record_scheduled_revert(engine, change, revert)

    waits = next(each for each in told(engine, run.id).runs if each.id == revert)
    assert waits.name == f"revert-change on {TARGET}"
    assert waits.stands == f"due {change.until:%Y-%m-%d %H:%M} UTC"

    changes.finish(engine, change.id, ChangeState.REVERTED, "-")
    assert {each.id for each in told(engine, run.id).runs} == {run.id}


def test_an_incident_has_its_pages_and_nobody_elses(engine: sa.Engine) -> None:
    mine, other = arrive(engine, "Mine"), arrive(engine, "Other")
    for topic in (mine, other):
        pages.ask(engine, f"c {topic}", subject=f"P0 {topic}", body="-", topic_id=topic)

    assert f"page asked for: P0 {mine}" in words(told(engine, mine))
    assert str(other) not in words(told(engine, mine))


def test_nothing_is_known_of_an_id_of_nobody(engine: sa.Engine) -> None:
    assert account.read(engine, uuid4()) is None
    assert account.read_delivery(engine, uuid4()) is None


def test_a_row_that_cannot_be_read_is_named(engine: sa.Engine) -> None:
    run = attempt(engine, Outcome.RESOLVED)
    with engine.begin() as tx:
        tx.execute(sa.text("update permits set calls = '[{}]'"))

    with pytest.raises(ContractBroken, match=r"row .* of permits cannot be read: calls\.0\.method"):
        account.read(engine, run.id)
