"""What a fault could have hurt is counted from the ledger, whatever its clock says meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import actions, approvals, permits, run_leases, temporary_changes
from cct_ops.ledger.record.tables import resolutions
from evaluation.cluster.exposures import counters
from evaluation.cluster.names import CLAIMS, Claim

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "/daily-summary"


def begins(engine: sa.Engine, seconds: float) -> UUID:
    """Let a run show its first sign of life."""
    run_id, began = uuid4(), BEGAN + timedelta(seconds=seconds)
    row = {"run_id": run_id, "expires_at": began, "began_at": began}
    with engine.begin() as tx:
        tx.execute(sa.insert(run_leases).values(row))
    return run_id


def ends(engine: sa.Engine, run_id: UUID, seconds: float) -> None:
    """Let it give its account."""
    said = {"playbook": "auto-rollback", "target": TARGET, "outcome": "Resolved", "reason": "-"}
    finished = BEGAN + timedelta(seconds=seconds)
    with engine.begin() as tx:
        tx.execute(sa.insert(resolutions).values(run_id=run_id, finished_at=finished, **said))


def changes(engine: sa.Engine, run_id: UUID) -> UUID:
    """Let it send a change that is seen in effect."""
    permit_id = uuid4()
    with engine.begin() as tx:
        tx.execute(
            sa.insert(permits).values(
                id=permit_id,
                kind="change",
                run_id=run_id,
                playbook="auto-rollback",
                target=TARGET,
                plan_digest="a plan",
                calls=[],
                fencing_token=1,
                expires_at=BEGAN,
            )
        )
        tx.execute(
            sa.insert(actions).values(permit_id=permit_id, position=0, call={}, state="confirmed")
        )
    return permit_id


def weakens(engine: sa.Engine, run_id: UUID, permit_id: UUID) -> None:
    """Let its change be one with an end."""
    with engine.begin() as tx:
        tx.execute(
            sa.insert(temporary_changes).values(
                id=uuid4(),
                run_id=run_id,
                permit_id=permit_id,
                playbook="rate-limiting",
                target=TARGET,
                call={},
                revert={},
                before="",
                owner="-",
                reason="-",
                until=BEGAN,
            )
        )


def test_a_ledger_without_rows_has_nothing_to_be_hurt(engine: sa.Engine) -> None:
    assert counters(engine).until(counters(engine)) == dict.fromkeys(CLAIMS, 0)


def test_what_was_over_before_or_came_after_is_not_counted(engine: sa.Engine) -> None:
    over = begins(engine, 0)
    changes(engine, over)
    ends(engine, over, 5)
    before = counters(engine)

    lasts = begins(engine, 10)
    weakens(engine, lasts, changes(engine, lasts))
    after = counters(engine)
    begins(engine, 20)

    found = before.until(after)
    assert found["every run ends"] == 1
    assert found["no good fix undone"] == 1
    assert found["no change without permit"] == 1
    assert found["none doubled"] == 1
    assert found["every temporary change taken back in time"] == 1
    assert found["no alert lost"] == 0
    assert found["every person asked is told how it ended"] == 0
    assert found["no two changes at once on a target"] == 0


def test_what_was_there_when_it_began_could_be_hurt_as_well(engine: sa.Engine) -> None:
    run_id = begins(engine, 0)
    weakens(engine, run_id, changes(engine, run_id))
    before = counters(engine)
    ends(engine, run_id, 5)

    found = before.until(counters(engine))
    assert found["every run ends"] == 1
    assert found["no good fix undone"] == 1
    assert found["every temporary change taken back in time"] == 1
    assert found["no change without permit"] == 0


def test_two_runs_of_a_target_that_lived_at_once_have_met(engine: sa.Engine) -> None:
    before = counters(engine)
    first, second, later = (begins(engine, seconds) for seconds in (0, 2, 20))
    for run_id, seconds in ((first, 5), (second, 9), (later, 25)):
        ends(engine, run_id, seconds)

    assert before.until(counters(engine))["no two changes at once on a target"] == 1


def test_people_who_were_asked_count_until_their_run_has_ended(engine: sa.Engine) -> None:
    run_id, before = begins(engine, 0), counters(engine)
    said = dict.fromkeys(
        ("playbook", "target", "plan_digest", "state_digest", "headline", "severity", "why"), "-"
    )
    with engine.begin() as tx:
        tx.execute(
            sa.insert(approvals).values(
                id=uuid4(),
                run_id=run_id,
                plan={},
                evidence=[],
                persons=1,
                form_accepted=False,
                expires_at=BEGAN,
                **said,
            )
        )
    asked = counters(engine)
    ends(engine, run_id, 5)
    ended = counters(engine)

    claim: Claim = "every person asked is told how it ended"
    assert before.until(asked)[claim] == 1
    assert asked.until(ended)[claim] == 1
    assert ended.until(ended)[claim] == 0
