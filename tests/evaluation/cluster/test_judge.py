"""The judge of the soak counts what it is there for: each claim that is broken, and no other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.intake.tables import dispatches
from evaluation.cluster.findings import Counts, Finding
from evaluation.cluster.names import CLAIMS
from evaluation.cluster.temporary import GRACE, LONGEST, Hurt, deadline
from tests.evaluation.cluster.rows import (
    BEGAN,
    DISABLE,
    LIMIT,
    ROUTE,
    after,
    asked,
    died,
    ended,
    found,
    judged,
    limited,
    link,
    opened,
    permitted,
    raised,
    said,
    verified,
    wrote,
)


def test_a_change_as_it_should_be_is_none_of_it(engine: sa.Engine) -> None:
    permitted(engine, 10)

    assert judged(engine, wrote(10.1)) == {}


@pytest.mark.parametrize("seconds", [-5.0, 100.0])
def test_a_write_that_no_line_of_the_journal_goes_before_is_without_permit(
    engine: sa.Engine, seconds: float
) -> None:
    """Too early, and long after its permit was over."""
    permitted(engine, 10)

    assert judged(engine, wrote(10 + seconds)) == {"without_permit": 1}


@pytest.mark.parametrize("off", [300.0, -300.0])
def test_a_clock_of_the_ledger_that_is_off_makes_no_finding(engine: sa.Engine, off: float) -> None:
    """Not while it is known to be so; at any other time it is what it seems to be."""
    permitted(engine, 10 + off)

    assert judged(engine, wrote(10.1)) == {"without_permit": 1}
    hurt = Hurt(after(5), after(30), timedelta(seconds=off))
    assert judged(engine, wrote(10.1), times=0, hurts=[hurt]) == {}


def test_one_permit_covers_one_write(engine: sa.Engine) -> None:
    permitted(engine, 10)

    assert judged(engine, wrote(10.1), wrote(10.2)) == {"without_permit": 1, "doubled": 1}


def test_a_write_while_another_run_has_its_permit_is_concurrent(engine: sa.Engine) -> None:
    permitted(engine, 10)
    permitted(engine, 12)

    counted = judged(engine, wrote(10.1), wrote(12.1))

    assert counted["concurrent"] == 1
    assert counted["doubled"] == 1


def test_a_request_that_never_reached_cct_has_no_write_of_another_run(engine: sa.Engine) -> None:
    """CCT was away when the first run wrote; what it saw later is the second's and the third's."""
    permitted(engine, 10, target=LIMIT)
    permitted(engine, 50, target=LIMIT)
    permitted(engine, 60, target=LIMIT)

    assert judged(engine, limited(50.1, 100), limited(61.5, 50)) == {}


def test_an_alert_without_an_incident_is_lost_and_one_with_two_is_doubled(
    engine: sa.Engine,
) -> None:
    assert judged(engine, times=0) == {"lost": 1}
    assert judged(engine, times=2) == {"doubled": 1}


def test_an_incident_without_an_account_is_stuck(engine: sa.Engine) -> None:
    assert judged(engine, outcome=None) == {"stuck": 1}


def test_a_fix_may_be_put_back_only_where_its_process_was_killed_before_it_was_verified(
    engine: sa.Engine,
) -> None:
    fixed = permitted(engine, 10)
    permitted(engine, 20)
    writes = wrote(10.1), wrote(20.1, DISABLE)

    assert judged(engine, *writes) == {"undone": 1}
    died(engine, fixed)
    assert judged(engine, *writes, times=0) == {}
    verified(engine, fixed)
    assert judged(engine, *writes, times=0) == {"undone": 1}


def test_a_run_without_an_account_is_stuck(engine: sa.Engine) -> None:
    """Whether a process took it, or none ever did."""
    with engine.begin() as tx:
        tx.execute(sa.insert(run_leases).values(run_id=(run_id := uuid4()), expires_at=BEGAN))
    assert judged(engine) == {"stuck": 1}
    ended(engine, run_id)
    assert judged(engine, times=0) == {}

    incident_id = opened(engine, 7)
    row = {"id": uuid4(), "incident_id": incident_id, "purpose": "remediate", "state": "sent"}
    with engine.begin() as tx:
        tx.execute(sa.insert(dispatches).values(**row, flow_run_id=(run_id := uuid4())))
    assert judged(engine, times=0)["stuck"] == 1
    ended(engine, run_id)
    assert "stuck" not in judged(engine, times=0)


def test_a_notice_that_is_owed_or_never_reached_slack_is_a_lost_alert(engine: sa.Engine) -> None:
    incident_id = opened(engine, 0)
    row = {"id": uuid4(), "incident_id": incident_id, "purpose": "remediate", "state": "pending"}
    with engine.begin() as tx:
        tx.execute(sa.insert(dispatches).values(row))
    assert judged(engine, times=0) == {"lost": 1}

    with engine.begin() as tx:
        tx.execute(sa.update(dispatches).values(state="notified"))
    assert judged(engine, times=0) == {"lost": 1}
    told = [said(3, "DiskFills from alertmanager", f"incident {incident_id}, episode 1")]
    assert judged(engine, times=0, messages=told) == {}


def test_a_temporary_change_is_taken_back_by_its_end_and_some_grace(engine: sa.Engine) -> None:
    raised(engine, 10, until=70)
    permitted(engine, 70, target=LIMIT)
    late = GRACE.total_seconds() + 1

    assert judged(engine, limited(10.1, 80), limited(70.1, 50), work="temporary") == {}
    permitted(engine, 70 + late, target=LIMIT)
    back_late = limited(10.1, 80), limited(70.1 + late, 50)
    assert judged(engine, *back_late, work="temporary", times=0) == {"late": 1}
    assert judged(engine, limited(10.1, 80), work="temporary", times=0) == {"late": 1}

    hurt = Hurt(after(60), after(100))
    assert judged(engine, *back_late, work="temporary", times=0, hurts=[hurt]) == {}


def test_faults_give_an_end_time_but_not_for_ever() -> None:
    over = [Hurt(after(n), after(n + 39)) for n in range(0, 2000, 40)]

    assert deadline(after(70), []) == after(70) + GRACE
    assert deadline(after(70), [Hurt(after(200), after(230))]) == after(70) + GRACE
    assert deadline(after(70), [Hurt(after(100), after(130))]) == after(130) + GRACE
    assert deadline(after(70), [Hurt(after(60), after(900))]) == after(900) + GRACE
    assert deadline(after(70), over) == after(70) + LONGEST


def test_a_temporary_change_that_is_taken_back_before_its_end_was_a_good_fix(
    engine: sa.Engine,
) -> None:
    made = raised(engine, 10, until=70)
    permitted(engine, 40, target=LIMIT)
    writes = limited(10.1, 80), limited(40.1, 50)

    assert judged(engine, *writes, work="temporary") == {"undone": 1}
    died(engine, made)
    assert judged(engine, *writes, work="temporary", times=0) == {}


def test_what_is_taken_back_twice_is_doubled(engine: sa.Engine) -> None:
    raised(engine, 10, until=70)
    permitted(engine, 70, target=LIMIT)
    permitted(engine, 80, target=LIMIT)
    writes = limited(10.1, 80), limited(70.1, 50), limited(80.1, 50)

    assert judged(engine, *writes, work="temporary") == {"doubled": 1}


def test_a_change_that_somebody_had_to_allow_has_no_permit_without_that(engine: sa.Engine) -> None:
    incident_id = opened(engine, 0)
    run_id = permitted(engine, 10, incident_id=incident_id)

    assert judged(engine, wrote(10.1), work="asked", times=0) == {"without_permit": 1}
    asked(engine, run_id, incident_id=incident_id)
    assert judged(engine, wrote(10.1), work="asked", times=0) == {}


def test_whoever_got_a_request_is_told_how_its_run_ended(engine: sa.Engine) -> None:
    """What nobody got needs no word, and a word that was there before is none."""
    ended(engine, run_id := uuid4())
    request = asked(engine, run_id, "declined")
    told = said(60, f":memo: Declined: auto-rollback on {ROUTE}", f"runs/flow-run/{run_id}")
    before = told.model_copy(update={"at": after(1)})
    other = said(60, f":memo: Declined: auto-rollback on {ROUTE}", f"runs/flow-run/{uuid4()}")

    assert judged(engine) == {}
    for messages in ([link(request)], [link(request), before], [link(request), other]):
        assert judged(engine, times=0, messages=messages) == {"untold": 1}
    assert judged(engine, times=0, messages=[link(request), told]) == {}

    ahead = Hurt(after(-300), after(-280), timedelta(minutes=5))
    assert judged(engine, times=0, messages=[link(request), before], hurts=[ahead]) == {}


def test_somebody_goes_untold_from_the_request_until_the_end_that_was_not_told(
    engine: sa.Engine,
) -> None:
    """So it is laid at the door of the fault in which the word was lost as well."""
    ended(engine, run_id := uuid4(), 40)
    request = asked(engine, run_id, "declined")

    (finding,) = found(engine, messages=[link(request)])
    assert (finding.at, finding.until) == (after(5), after(40))


def test_of_a_run_that_died_its_follower_tells(engine: sa.Engine) -> None:
    died(engine, run_id := uuid4())
    ended(engine, follower := uuid4(), 50)
    with engine.begin() as tx:
        tx.execute(sa.update(run_leases).values(successor_id=follower))
    wants = said(6, f":raised_hand: auto-rollback on {ROUTE} waits", asked(engine, run_id, "void"))
    told = said(60, f":leftwards_arrow_with_hook: Undone: recover on {ROUTE}", follower)

    (finding,) = found(engine, messages=[wants])
    assert finding.until == after(50)
    assert judged(engine, times=0, messages=[wants, told]) == {}


def test_a_finding_says_when_and_what(engine: sa.Engine) -> None:
    run_id = permitted(engine, 10)
    permitted(engine, 12, run_id)
    (finding,) = found(engine, wrote(10.1), wrote(12.1))

    assert (finding.claim, finding.at) == ("none doubled", after(12.1))
    assert str(run_id) in finding.what
    assert ROUTE in finding.what


def test_each_claim_is_counted_by_a_name_of_its_own() -> None:
    each = [Counts.of([Finding(claim, BEGAN, "It was broken.")]) for claim in CLAIMS]

    assert len({str(counts) for counts in each}) == len(CLAIMS)
    assert all(sum(asdict(counts).values()) == 1 for counts in each)
