"""The story of an incident, or of a run that belongs to none, as moments in their order."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.ledger.intake.outbox import NOTICE
from cct_ops.ledger.record.history import Dispatched, RunStory, Story
from cct_ops.models.topic import playbook_on
from cct_ops.reports.timeline import Moment, in_order, publicity, timeline


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
    return in_order(_moments(story))


def _moments(story: Story) -> Iterator[Moment]:
    if story.incident is not None:
        yield Moment(story.incident.starts_at, story.incident.began)
        if story.incident.closed_at is not None:
            yield Moment(story.incident.closed_at, f"the incident was {story.incident.closed}")
    for each in story.alerts_seen:
        what = f"delivery {each.delivery_id}: the alert is {each.status} ({each.verdict})"
        yield Moment(each.received_at, what)
    for dispatched in story.dispatches:
        yield Moment(dispatched.finished_at or dispatched.created_at, _dispatched(dispatched))
    for run in story.runs:
        name = f"{run.playbook} {str(run.id)[:8]}"
        for at, what in _run(run):
            yield Moment(at, f"{name}: {what}")
    yield from publicity(story)


def _dispatched(row: Dispatched) -> str:
    if row.purpose == NOTICE:
        return row.notice
    rule = f"rule {row.rule}: " if row.rule else ""
    match row.state:
        case "sent":
            return f"{rule}run {row.flow_run_id} of {row.playbook} was created"
        case "pending":
            return f"{rule}waits to be dispatched: {row.note or 'not tried yet'}"
        case "notified":
            return f"{rule}no run: {row.note or 'people are notified'}"
        case "grouped":
            return f"{rule}no run of its own: {row.note}"
        case _:
            return f"{rule}set aside: {row.note}"


def _run(run: RunStory) -> Iterator[Moment]:
    for decision in run.known.decisions:
        guard = f" by the guard {decision.guard}" if decision.guard else ""
        what = f"{decision.verdict}{guard}, in mode {decision.mode}: {decision.reason}"
        yield Moment(decision.decided_at, what)
    made = run.known.model_copy(
        update={"decisions": (), "received_at": None, "dispatched_at": None}
    )
    yield from timeline(made)
    for asked in run.asked:
        yield Moment(asked.requested_at, "approval was asked for")
        if asked.decided_at is not None:
            who = f" by {asked.approver}" if asked.approver else ""
            yield Moment(asked.decided_at, f"{asked.state}{who}{_because(asked.note)}")
    for change in run.changes:
        until = f"{change.until:%Y-%m-%d %H:%M:%S} UTC"
        what = f"temporary change {change.id}, {change.call}, is to last until {until}"
        yield Moment(change.created_at, what)
        if change.ended_at is not None:
            what = f"temporary change {change.id} is {change.state}{_because(change.note)}"
            yield Moment(change.ended_at, what)
    if run.known.ended_at is not None:
        what = f"ended as {run.known.outcome}{_because(run.known.reason)}"
        yield Moment(run.known.ended_at, what)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
