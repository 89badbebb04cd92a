"""What the rows of an account show to have gone well or not, and what they leave to be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cct_ops.ledger.intake import outbox
from cct_ops.models.account import AccountOfRun
from cct_ops.models.base import counted
from cct_ops.models.review import Lesson, LessonKind, Proposal, Related, Weakening
from cct_ops.models.run import Outcome
from cct_ops.models.verification import Verdict
from cct_ops.record.account import Gathered
from cct_ops.record.entries import because
from cct_ops.record.entries_gate import ActionRow, VerificationRow
from cct_ops.record.entries_intake import DispatchRow, IncidentRow
from cct_ops.record.entries_notices import PageAttemptRow, PageRow
from cct_ops.record.entries_people import ApprovalRow, AttemptRow
from cct_ops.record.entries_responders import AcknowledgementRow
from cct_ops.record.entries_run import DecisionRow, LeaseRow
from cct_ops.record.report.facts import Case

R = TypeVar("R")


def lessons(found: Gathered, case: Case | None, changes: Sequence[Weakening]) -> Iterator[Lesson]:
    """Yield what went well, what did not, and what a guard stopped, each once."""
    said = (
        *_of_runs(found, case),
        *_of_actions(found),
        *_of_changes(changes),
        *_of_pages(found),
        *_of_answers(found),
        *_of_guards(found),
    )
    for kind, words in dict.fromkeys(said):
        yield Lesson(kind=kind, words=words)


def _of(found: Gathered, kind: type[R]) -> list[R]:
    return [row for row in found.rows if isinstance(row, kind)]


def _of_runs(found: Gathered, case: Case | None) -> Iterator[tuple[LessonKind, str]]:
    names = {run.id: run.name for run in found.account.runs}
    last = {row.run_id: row for row in _of(found, VerificationRow)}
    for run_id, verified in last.items():
        well = verified.verdict == Verdict.HOLDS
        what = "was verified" if well else f"was not verified ({verified.verdict})"
        words = f"{names.get(run_id, 'A run')} {what}{because(verified.reason)}"
        yield LessonKind.WELL if well else LessonKind.BADLY, words
    for lease in _of(found, LeaseRow):
        if lease.reaped_at is not None:
            name = names.get(UUID(str(lease.id)), "A run")
            yield LessonKind.BADLY, f"{name} died in the middle of its work."
    if case is not None and case.again_at is not None:
        words = f"The verified fix did not last: it was needed again at {case.again_at:%F %T} UTC."
        yield LessonKind.BADLY, words
    for run in found.account.runs:
        if run.outcome is not None and run.outcome.needs_attention:
            yield LessonKind.BADLY, f"{run.name} ended as {run.outcome}{because(run.reason)}"


def _of_actions(found: Gathered) -> Iterator[tuple[LessonKind, str]]:
    for act in _of(found, ActionRow):
        if act.kind == "restore" and act.confirmed_at is not None:
            yield LessonKind.WELL, f"What was changed was put back: {act.call}."
        if act.state == "without effect":
            yield LessonKind.BADLY, f"{act.call} was taken, and no effect was seen."
        if act.state == "intended":
            yield LessonKind.BADLY, f"{act.call} is in doubt: no read-back showed it."


def _of_changes(changes: Sequence[Weakening]) -> Iterator[tuple[LessonKind, str]]:
    for change in changes:
        if change.ended_at is None:
            word = "is overdue" if change.overdue else "is still in effect"
            yield LessonKind.BADLY, f"The temporary change {change.call} {word}."
        elif change.ended_at <= change.until:
            yield LessonKind.WELL, f"The temporary change {change.call} ended in time."


def _of_pages(found: Gathered) -> Iterator[tuple[LessonKind, str]]:
    over = {page.id for page in _of(found, PageRow) if page.ended_at is not None}
    # Its process died before it knew; of a page that is still on its way, it goes on.
    in_doubt = [each for each in _of(found, PageAttemptRow) if each.reached is None]
    doubtful = {each.page_id for each in in_doubt}
    for page in _of(found, PageRow):
        if page.contact is not None:
            yield LessonKind.WELL, f"{page.contact} was reached by the page: {page.subject}"
        elif page.ended_at is not None and not (
            page.id in doubtful or _taken(found, page.ended_at)
        ):
            yield LessonKind.BADLY, f"A page reached nobody: {page.subject}{because(page.note)}"
    for tried in _of(found, PageAttemptRow):
        if tried.reached is False:
            words = f"{tried.contact} was not reached by {tried.way}{because(tried.note)}"
            yield LessonKind.BADLY, words
    for tried in in_doubt:
        if tried.page_id in over:
            words = f"How the page of {tried.contact} by {tried.way} ended is not known."
            yield LessonKind.BADLY, words
    for dispatch in _of(found, DispatchRow):
        if dispatch.undelivered is not None:
            yield LessonKind.BADLY, f"A notice reached nobody: {dispatch.undelivered}"


def _taken(found: Gathered, at: datetime) -> bool:
    """Return whether somebody had it by then: a page that was not needed failed nobody."""
    return any(each.at <= at for each in _of(found, AcknowledgementRow))


def _of_answers(found: Gathered) -> Iterator[tuple[LessonKind, str]]:
    for asked in _of(found, ApprovalRow):
        if asked.state == "expired":
            yield LessonKind.BADLY, f"Nobody answered: {asked.why}"
    refused = _of(found, AttemptRow)
    if refused:
        yield LessonKind.BADLY, f"{counted(len(refused), 'answer was', 'answers were')} refused."


def _of_guards(found: Gathered) -> Iterator[tuple[LessonKind, str]]:
    for decision in _of(found, DecisionRow):
        if decision.guard:
            words = f"{decision.playbook} on {decision.target}, by the guard {decision.guard}"
            yield LessonKind.BLOCKED, f"{words}: {decision.reason}"


def proposals(
    found: Gathered, case: Case | None, changes: Sequence[Weakening], related: Sequence[Related]
) -> Iterator[Proposal]:
    """Yield what the record shows to be unfinished; each keeps its name as long as it is so."""
    named: dict[str, Proposal] = {}
    for each in _proposals(found, case, changes, related):
        named.setdefault(each.name, each)
    yield from named.values()


def _proposals(
    found: Gathered, case: Case | None, changes: Sequence[Weakening], related: Sequence[Related]
) -> Iterator[Proposal]:
    for change in changes:
        if change.ended_at is None:
            words = f"Take back the temporary change {change.id}: {change.call}, made by"
            late = f", overdue since {change.until:%F %T} UTC" if change.overdue else ""
            yield _named("open-change", change.id, f"{words} {change.owner}{late}.")
    for run in found.account.runs:
        yield from _about_run(found, run)
    yield from _about_alert(found)
    if case is not None and case.fixed_at is not None and related:
        times = counted(len(related), "more time", "more times")
        yield Proposal(
            name="recurs",
            text=f"Find what brings it back: it came {times} in the 30 days before or since.",
        )


def _about_run(found: Gathered, run: AccountOfRun) -> Iterator[Proposal]:
    what = run.name
    if run.outcome is None and run.due is None:
        yield _named("not-ended", run.id, f"Find out why {what} has not ended.")
    elif run.outcome is Outcome.RECOMMENDED:
        yield _named("recommended", run.id, f"Decide about what {what} recommended.")
    elif run.outcome is not None and run.outcome.needs_attention:
        name = run.outcome.value.lower().replace(" ", "-")
        why = f"Find out why {what} ended as {run.outcome}{because(run.reason)}"
        yield _named(name, run.id, why)
    for row in found.rows:
        match row:
            case ActionRow() if row.run_id == run.id and row.state in {
                "intended",
                "without effect",
            }:
                words = f"Look whether {row.call} took effect: no read-back showed it."
                yield Proposal(name=f"in-doubt-{row.id}", text=words)
            case VerificationRow() if (
                row.run_id == run.id and row.verdict == Verdict.TOO_FEW_SAMPLES
            ):
                words = f"Make sure that {what} can be verified: {row.reason}"
                yield Proposal(name=f"unverifiable-{row.id}", text=words)
            case ApprovalRow() if row.run_id == run.id and row.state == "expired":
                words = "Make sure that somebody answers next time"
                yield _named("unanswered", row.id, f"{words}: {what} asked and nobody did.")


def _about_alert(found: Gathered) -> Iterator[Proposal]:
    for row in found.rows:
        match row:
            case DispatchRow(purpose=outbox.REMEDIATE, state="notified", playbook=None):
                name = found.account.labels.get("alertname", "this alert")
                words = f"Decide whether {name} shall have a rule with a playbook: it has none."
                yield Proposal(name="no-playbook", text=words)
            case DispatchRow(purpose=outbox.REMEDIATE, state=outbox.DEAD_LETTERED):
                words = f"Find out why no run could be started{because(row.note)}"
                yield Proposal(name="not-started", text=words)
            case IncidentRow(closed_as="expired" | "superseded"):
                words = "Find out why the alert's end was never reported."
                yield Proposal(name="no-end", text=words)
            case PageAttemptRow(reached=False):
                words = f"See to it that {row.contact} can be reached by {row.way}"
                yield Proposal(name=f"unreached-{row.contact}", text=f"{words}{because(row.note)}")


def _named(kind: str, each: UUID | int | str, text: str) -> Proposal:
    return Proposal(name=f"{kind}-{str(each)[:8]}", text=text)
