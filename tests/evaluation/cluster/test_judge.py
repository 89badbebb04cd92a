"""The judge of the soak counts what it is there for: each claim that is broken, and no other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate.tables import actions, permits, run_leases
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import verifications
from cct_ops.sandbox.inputs import SeenRequest
from evaluation.cluster.episodes import Episode
from evaluation.cluster.findings import Counts, Finding
from evaluation.cluster.judge import Judge
from evaluation.cluster.names import CLAIMS
from evaluation.cluster.writes import RESET

ROUTE = "/daily-summary"
DISABLE = "/api/v1/canary/disable"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "episode-0"


def after(seconds: float) -> datetime:
    """Return the moment so long after the canary was pulled."""
    return BEGAN + timedelta(seconds=seconds)


def wrote(seconds: float, path: str = RESET) -> SeenRequest:
    """Return a write that CCT saw."""
    return SeenRequest(
        at=after(seconds), method="POST", path=path, query={"route": ROUTE}, body=None, write=True
    )


def permitted(
    engine: sa.Engine, seconds: float, run_id: UUID | None = None, *, until: float = 60
) -> UUID:
    """Put a permit and its line in the journal into the ledger; returns whose they are."""
    run_id, permit_id = run_id or uuid4(), uuid4()
    with engine.begin() as tx:
        tx.execute(
            sa.insert(permits).values(
                id=permit_id,
                kind="change",
                run_id=run_id,
                playbook="auto-rollback",
                target=ROUTE,
                plan_digest="a plan",
                calls=[],
                fencing_token=1,
                issued_at=after(seconds - 0.1),
                expires_at=after(seconds + until),
                closed_at=after(seconds + 5),
            )
        )
        tx.execute(
            sa.insert(actions).values(
                permit_id=permit_id,
                position=0,
                call={},
                state="confirmed",
                intended_at=after(seconds),
            )
        )
    return run_id


def died(engine: sa.Engine, run_id: UUID) -> None:
    """Let the run's process have been killed."""
    with engine.begin() as tx:
        tx.execute(sa.insert(run_leases).values(run_id=run_id, expires_at=BEGAN, reaped_at=BEGAN))


def verified(engine: sa.Engine, run_id: UUID) -> None:
    """Let its change have been watched to the end."""
    with engine.begin() as tx:
        row = {"run_id": run_id, "verdict": "holds", "reason": "It serves.", "samples": 50}
        tx.execute(sa.insert(verifications).values(row))


def opened(engine: sa.Engine, number: int) -> None:
    """Open a further incident about the page."""
    with engine.begin() as tx:
        tx.execute(
            sa.insert(incidents).values(
                id=uuid4(),
                source="alertmanager",
                key=f"key-{number}",
                episode=1,
                state="open",
                labels={"instance": NAME},
                annotations={},
                starts_at=BEGAN,
                opened_at=after(number),
            )
        )


def found(
    engine: sa.Engine, *writes: SeenRequest, outcome: str | None = "Resolved", times: int = 1
) -> list[Finding]:
    """Return what is found about one page, with so many incidents."""
    for number in range(times):
        opened(engine, number)
    episode = Episode(0, ROUTE, BEGAN, began=0.0, outcome=outcome)
    return Judge(engine, writes, [episode], {NAME: BEGAN}).findings()


def judged(engine: sa.Engine, *writes: SeenRequest, **given: Any) -> dict[str, int]:
    """Return what is counted, without what is zero."""
    counts = Counts.of(found(engine, *writes, **given))
    assert counts.all_zero() is (counts == Counts())
    return {name: number for name, number in asdict(counts).items() if number}


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


def test_one_permit_covers_one_write(engine: sa.Engine) -> None:
    permitted(engine, 10)

    assert judged(engine, wrote(10.1), wrote(10.2)) == {"without_permit": 1, "doubled": 1}


def test_a_write_while_another_run_has_its_permit_is_concurrent(engine: sa.Engine) -> None:
    permitted(engine, 10)
    permitted(engine, 12)

    counted = judged(engine, wrote(10.1), wrote(12.1))

    assert counted["concurrent"] == 1
    assert counted["doubled"] == 1


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
