"""Rows of a ledger, writes of CCT and messages in Slack as the judge meets them, made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.gateway.approvals import links
from cct_ops.gateway.approvals.links import Link
from cct_ops.ledger.gate.tables import actions, approvals, permits, run_leases, temporary_changes
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import resolutions, verifications
from cct_ops.sandbox.inputs import Message, SeenRequest
from evaluation.cluster.episodes import Episode, Work
from evaluation.cluster.findings import Counts, Finding
from evaluation.cluster.judge import Judge
from evaluation.cluster.people import ON_CALL
from evaluation.cluster.temporary import Hurt
from evaluation.cluster.writes import LIMITS, RESET

ROUTE = "/daily-summary"
LIMIT = "canaryManagement"
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


def limited(seconds: float, most: int) -> SeenRequest:
    """Return a write of the limit, which is 50."""
    body = {"endpoint": LIMIT, "maxRequests": most, "windowMs": 60_000}
    return wrote(seconds, LIMITS).model_copy(update={"query": {}, "body": body})


def permitted(
    engine: sa.Engine,
    seconds: float,
    run_id: UUID | None = None,
    *,
    until: float = 60,
    target: str = ROUTE,
    incident_id: UUID | None = None,
) -> UUID:
    """Put a permit and its line in the journal into the ledger; returns whose they are."""
    run_id, permit_id = run_id or uuid4(), uuid4()
    with engine.begin() as tx:
        tx.execute(
            sa.insert(permits).values(
                id=permit_id,
                kind="change",
                run_id=run_id,
                incident_id=incident_id,
                playbook="auto-rollback",
                target=target,
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


def raised(engine: sa.Engine, seconds: float, *, until: float) -> UUID:
    """Let a limit be raised for a while; returns by which run."""
    run_id = permitted(engine, seconds, target=LIMIT)
    with engine.begin() as tx:
        permit_id = tx.scalar(sa.select(permits.c.id).where(permits.c.run_id == run_id))
        tx.execute(
            sa.insert(temporary_changes).values(
                id=uuid4(),
                run_id=run_id,
                permit_id=permit_id,
                playbook="rate-limiting",
                target=LIMIT,
                call={},
                revert={},
                before="50 requests per 60 s",
                owner="somebody",
                reason="It is too small.",
                created_at=after(seconds),
                until=after(until),
            )
        )
    return run_id


def asked(
    engine: sa.Engine, run_id: UUID, state: str = "approved", incident_id: UUID | None = None
) -> UUID:
    """Let a run have asked for a yes; returns the request."""
    with engine.begin() as tx:
        tx.execute(
            sa.insert(approvals).values(
                id=(request_id := uuid4()),
                run_id=run_id,
                incident_id=incident_id,
                playbook="auto-rollback",
                target=ROUTE,
                plan={},
                plan_digest="a plan",
                state_digest="a state",
                headline="It serves nobody.",
                severity="P0",
                evidence=[],
                why="A person decides.",
                persons=1,
                form_accepted=False,
                state=state,
                requested_at=after(5),
                expires_at=after(900),
            )
        )
    return request_id


def ended(engine: sa.Engine, run_id: UUID, seconds: float = 30) -> None:
    """Let the run have an account."""
    with engine.begin() as tx:
        row = {"playbook": "auto-rollback", "target": ROUTE, "outcome": "Resolved", "reason": ""}
        at = {"finished_at": after(seconds)}
        tx.execute(sa.insert(resolutions).values(run_id=run_id, **row, **at))


def said(seconds: float, text: str, more: object = "", path: str = "/slack/incidents") -> Message:
    """Return a message that reached Slack."""
    return Message(at=after(seconds), path=path, body={"text": text, "blocks": str(more)})


def link(request_id: UUID) -> Message:
    """Return the message with which somebody gets the link to a request."""
    token = links.mint(SecretStr("k" * 32), Link(request_id, "on-call", 2_000_000_000))
    return said(6, "asked", f"<http://gateway/approvals/{token}|Decide>", ON_CALL)


def died(engine: sa.Engine, run_id: UUID) -> None:
    """Let the run's process have been killed."""
    with engine.begin() as tx:
        tx.execute(sa.insert(run_leases).values(run_id=run_id, expires_at=BEGAN, reaped_at=BEGAN))
    ended(engine, run_id)


def verified(engine: sa.Engine, run_id: UUID) -> None:
    """Let its change have been watched to the end."""
    with engine.begin() as tx:
        row = {"run_id": run_id, "verdict": "holds", "reason": "It serves.", "samples": 50}
        tx.execute(sa.insert(verifications).values(row))


def opened(engine: sa.Engine, number: int) -> UUID:
    """Open a further incident about the page."""
    with engine.begin() as tx:
        tx.execute(
            sa.insert(incidents).values(
                id=(incident_id := uuid4()),
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
    return incident_id


def found(
    engine: sa.Engine,
    *writes: SeenRequest,
    outcome: str | None = "Resolved",
    times: int = 1,
    work: Work = "repaired",
    messages: Sequence[Message] = (),
    hurts: Sequence[Hurt] = (),
) -> list[Finding]:
    """Return what is found about one page, with so many incidents."""
    for number in range(times):
        opened(engine, number)
    target = LIMIT if work == "temporary" else ROUTE
    episode = Episode(0, target, BEGAN, began=0.0, work=work, outcome=outcome)
    return Judge(engine, writes, messages, [episode], {NAME: BEGAN}, hurts).findings()


def judged(engine: sa.Engine, *writes: SeenRequest, **given: Any) -> dict[str, int]:
    """Return what is counted, without what is zero."""
    counts = Counts.of(found(engine, *writes, **given))
    assert counts.all_zero() is (counts == Counts())
    return {name: number for name, number in asdict(counts).items() if number}
