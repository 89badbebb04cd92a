"""The story of an incident, or of a run that belongs to none, as moments in their order."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.ledger.intake.outbox import NOTICE
from cct_ops.ledger.record.history import Dispatched, RunStory, Story
from cct_ops.models.topic import playbook_on
from cct_ops.reports.timeline import Moment, timeline


def title(story: Story) -> str:
    """Name what the story is about."""
    if story.incident is None:
        run = story.runs[0]
        return f"Run {run.id}: {playbook_on(run.playbook, run.target)}, started without an alert"
    about = story.incident
    ended = f"closed as {about.closed_as}" if about.closed_at else "open"
    name = about.labels.get("alertname", "an alert without a name")
    return f"Incident {about.id}: {name} from {about.source}, {ended}"


def moments(story: Story) -> list[Moment]:
    """Return everything that is known to have happened: arrival, rule, run, guard, end, word."""
    found = []
    if story.incident is not None:
        began, closed = story.incident.starts_at, story.incident.closed_at
        found.append(Moment(at=began, what=story.incident.began))
        if closed is not None:
            what = f"the incident was {story.incident.closed}"
            found.append(Moment(at=closed, what=what))
    found += [
        Moment(
            at=each.received_at,
            what=f"delivery {each.delivery_id}: the alert is {each.status} ({each.verdict})",
        )
        for each in story.sightings
    ]
    for dispatched in story.dispatches:
        found += _dispatched(dispatched)
    for run in story.runs:
        found += _run(run)
    for paged in story.paged:
        found.append(Moment(at=paged.page.raised_at, what=f"page asked for: {paged.page.subject}"))
        for tried in paged.attempts:
            how = f"reached by {tried.way}" if tried.reached else f"not reached: {tried.note}"
            found.append(Moment(at=tried.attempted_at, what=f"page: {tried.contact} {how}"))
    found += [Moment(at=at, what=f"status page updated: {state}") for state, at in story.public]
    return sorted(found, key=lambda moment: moment.at)


def _dispatched(row: Dispatched) -> Iterator[Moment]:
    at = row.finished_at or row.created_at
    if row.purpose == NOTICE:
        yield Moment(at=at, what=row.notice)
        return
    rule = f"rule {row.rule}: " if row.rule else ""
    match row.state:
        case "sent":
            what = f"{rule}run {row.flow_run_id} of {row.playbook} was created"
        case "pending":
            what = f"{rule}waits to be dispatched: {row.note or 'not tried yet'}"
        case "notified":
            what = f"{rule}no run: {row.note or 'people are notified'}"
        case "grouped":
            what = f"{rule}no run of its own: {row.note}"
        case _:
            what = f"{rule}set aside: {row.note}"
    yield Moment(at=at, what=what)


def _run(run: RunStory) -> Iterator[Moment]:
    name = f"{run.playbook} {str(run.id)[:8]}"
    for decision in run.known.decisions:
        guard = f" by the guard {decision.guard}" if decision.guard else ""
        yield Moment(
            at=decision.decided_at,
            what=f"{name}: {decision.verdict}{guard}, in mode {decision.mode}: {decision.reason}",
        )
    made = run.known.model_copy(
        update={"decisions": (), "received_at": None, "dispatched_at": None}
    )
    for each in timeline(made):
        yield Moment(at=each.at, what=f"{name}: {each.what}")
    for asked in run.asked:
        yield Moment(at=asked.requested_at, what=f"{name}: approval was asked for")
        if asked.decided_at is not None:
            who = f" by {asked.approver}" if asked.approver else ""
            why = f": {asked.note}" if asked.note else ""
            yield Moment(at=asked.decided_at, what=f"{name}: {asked.state}{who}{why}")
    for change in run.changes:
        until = f"{change.until:%Y-%m-%d %H:%M:%S} UTC"
        what = f"{name}: temporary change {change.id}, {change.call}, is to last until {until}"
        yield Moment(at=change.created_at, what=what)
        if change.ended_at is not None:
            note = f": {change.note}" if change.note else ""
            what = f"{name}: temporary change {change.id} is {change.state}{note}"
            yield Moment(at=change.ended_at, what=what)
    if run.finished_at is not None:
        reason = f": {run.known.reason}" if run.known.reason else ""
        yield Moment(at=run.finished_at, what=f"{name}: ended as {run.known.outcome}{reason}")
