"""Reads the review of an incident, or of a run without one: its account, and what follows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.models.account import Account, AccountOfRun, Entry, EntryKind
from cct_ops.models.change import OPEN, ChangeState
from cct_ops.models.follow_up import FollowUp
from cct_ops.models.review import Review, ReviewedRun, Step, Took, Weakening
from cct_ops.models.run import Severity
from cct_ops.record.account import Gathered, gathered, snapshot
from cct_ops.record.entries import because
from cct_ops.record.entries_gate import ActionRow, ChangeRow, VerificationRow
from cct_ops.record.entries_intake import IncidentRow
from cct_ops.record.entries_notices import FollowUpRow
from cct_ops.record.entries_people import ApprovalRow
from cct_ops.record.entries_run import DecisionRow
from cct_ops.record.report import facts
from cct_ops.record.report.facts import Case
from cct_ops.record.report.figures import TIMES
from cct_ops.record.report.words import took
from cct_ops.record.review.checklists import CHECKLISTS
from cct_ops.record.review.lessons import lessons, proposals
from cct_ops.record.review.related import DAYS, find_related

R = TypeVar("R")

_EFFECTS = {
    "intended": "in doubt: no read-back showed it",
    "confirmed": "took effect",
    "not done": "was refused, so nothing was done",
    "without effect": "was taken, and no effect was seen",
}


def read(
    engine: sa.Engine, wanted: UUID, link: Callable[[UUID], str | None] = lambda _: None
) -> Review | None:
    """
    Return the review of an incident or a run; None of what the ledger does not know.

    ``link`` returns where the page of a run is.
    """
    with snapshot(engine) as connection:
        found = gathered(connection, wanted)
        if found is None:
            return None
        runs = (run.model_copy(update={"link": link(run.id)}) for run in found.account.runs)
        account = found.account.model_copy(update={"runs": tuple(runs)})
        found = found._replace(account=account)
        case = facts.of_one(connection, account.id)
        mine = [run for run in account.runs if run.id not in found.followers]
        since = (case.opened_at if case else _began(account)) - timedelta(days=DAYS)
        related = find_related(connection, account.id, mine, since)
    said = _of(found, ApprovalRow)
    decided = _of(found, DecisionRow)
    changes = tuple(_weakenings(found))
    follow_ups = tuple(_follow_ups(found))
    return Review(
        account=account,
        headline=_headline(decided, mine),
        severity=min(
            map(Severity, [*(d.severity for d in decided), *(a.severity for a in said)]),
            default=None,
            key=list(Severity).index,
        ),
        targets=tuple(dict.fromkeys(run.target for run in account.runs if run.target)),
        duration=_duration(found),
        detected=_detected(found),
        took=tuple(_took(case)),
        runs=tuple(_reviewed(found, run) for run in account.runs),
        changes=changes,
        related=related,
        lessons=tuple(lessons(found, case, changes)),
        checklist=tuple(
            item
            for each in dict.fromkeys(run.playbook for run in mine)
            for item in CHECKLISTS.get(each, ())
        ),
        follow_ups=follow_ups,
        proposals=tuple(
            each
            for each in proposals(found, case, changes, related)
            if each.name not in {known.proposal for known in follow_ups}
        ),
    )


def _of(found: Gathered, kind: type[R]) -> list[R]:
    """Return the rows of one kind."""
    return [row for row in found.rows if isinstance(row, kind)]


def _began(account: Account) -> datetime:
    return account.entries[0].at if account.entries else account.read_at


def _headline(decided: Sequence[DecisionRow], runs: Sequence[AccountOfRun]) -> str | None:
    """Return the last conclusion of any run."""
    if decided:
        return max(decided, key=lambda each: each.decided_at).headline
    return next((run.reason for run in reversed(runs) if run.reason), None)


def _duration(found: Gathered) -> str:
    """Say how long it lasted; of a run, from its first entry to its last."""
    (incident,) = _of(found, IncidentRow) or (None,)
    if incident is None:
        # What people promise afterwards makes it no longer.
        first, *_, last = [
            found.account.entries[0],
            *(each for each in found.account.entries if each.kind is not EntryKind.FOLLOW_UP),
        ]
        return f"{_minutes(last.at - first.at)} from the first word of it to the last"
    if incident.closed_at is None:
        return "the incident is still open"
    return _minutes((incident.ends_at or incident.closed_at) - incident.starts_at)


def _detected(found: Gathered) -> str:
    (incident,) = _of(found, IncidentRow) or (None,)
    if incident is None:
        (started,) = _first(found.account.entries, EntryKind.STARTED) or (None,)
        by = f" It was started by {started.actor.name}." if started else ""
        return "Somebody started the playbook by hand or by schedule; no alert is on record." + by
    (alert,) = _first(found.account.entries, EntryKind.ALERT) or (None,)
    late = (alert.at if alert else incident.opened_at) - incident.starts_at
    return f"By {incident.source}, {_minutes(late)} after it began."


def _first(entries: Sequence[Entry], kind: EntryKind) -> list[Entry]:
    return [entry for entry in entries if entry.kind is kind][:1]


def _minutes(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    hours, seconds = divmod(seconds, 3600)
    return f"{f'{hours} h ' if hours else ''}{seconds // 60} min {seconds % 60} s"


def _took(case: Case | None) -> Iterator[Took]:
    """Yield the times of a report; a run that no incident was opened for has none."""
    if case is None or not case.incident:
        return
    for name, moment in TIMES.items():
        at: datetime | None = getattr(case, moment)
        seconds = None if at is None else (at - case.opened_at).total_seconds()
        yield Took(name=name, seconds=seconds, words="never" if seconds is None else took(seconds))


def _reviewed(found: Gathered, run: AccountOfRun) -> ReviewedRun:
    decided = [each for each in _of(found, DecisionRow) if each.run_id == run.id]
    steps = sorted(_steps(found, run.id, decided), key=lambda step: step[0])
    return ReviewedRun(
        run=run,
        evidence=decided[-1].evidence if decided else (),
        steps=tuple(step for _, step in steps),
    )


def _steps(
    found: Gathered, run_id: UUID, decided: Sequence[DecisionRow]
) -> Iterator[tuple[datetime, Step]]:
    """Yield what was decided, answered, done and verified, each with when."""
    for decision in decided:
        by = f" by the guard {decision.guard}" if decision.guard else ""
        words = f"{decision.verdict}{by} in {decision.mode} mode: {decision.reason}"
        yield decision.decided_at, Step(kind="Decided", words=words)
    for row in found.rows:
        match row:
            case ApprovalRow() if row.run_id == run_id:
                proved = "" if row.authenticated else " (not authenticated)"
                who = f" by {row.approver}{proved}" if row.approver else ""
                words = f"{row.state}{who}{because(row.note)}"
                yield row.decided_at or row.requested_at, Step(kind="Approval", words=words)
            case ActionRow() if row.run_id == run_id:
                kind = "Undone" if row.kind == "restore" else "Changed"
                yield row.intended_at, Step(kind=kind, words=f"{row.call}, {_EFFECTS[row.state]}")
            case VerificationRow() if row.run_id == run_id:
                words = f"{row.verdict}{because(row.reason)}"
                yield row.verified_at, Step(kind="Verified", words=words)


def _weakenings(found: Gathered) -> Iterator[Weakening]:
    for row in sorted(_of(found, ChangeRow), key=lambda each: each.created_at):
        if row.state == ChangeState.NOT_MADE:
            continue
        yield Weakening(
            id=row.id,
            call=row.call,
            owner=row.owner,
            reason=row.reason,
            state=row.state,
            made_at=row.created_at,
            until=row.until,
            ended_at=row.ended_at,
            overdue=row.state in OPEN and row.until < found.account.read_at,
        )


def _follow_ups(found: Gathered) -> list[FollowUp]:
    """Return them, the open ones first, by the day they are due."""
    rows = [
        FollowUp.model_validate(row.model_dump(include=set(FollowUp.model_fields)))
        for row in _of(found, FollowUpRow)
    ]
    return sorted(rows, key=lambda each: (not each.open, each.due, each.made_at))
