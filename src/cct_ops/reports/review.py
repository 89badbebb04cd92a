"""The post-incident review: the runbook's ten sections, as far as the record can fill them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from cct_ops.ledger.record.history import RunStory, Story
from cct_ops.models.run import Severity
from cct_ops.models.topic import playbook_on
from cct_ops.reports.follow_up import action_items, checklist
from cct_ops.reports.render import render
from cct_ops.reports.timeline import Moment, in_order, publicity, timeline

BLANK = "**To be filled in by people:**"


def review(story: Story, written_at: datetime, links: Mapping[str, str | None]) -> str:
    """Render the review; ``links`` leads to each run's page, by the run's id."""
    moments = in_order(_moments(story))
    severities = [each.severity for run in story.runs for each in run.known.decisions]
    return render(
        "review.md.j2",
        story=story,
        title=_title(story),
        written_at=written_at,
        moments=moments,
        links={run.id: links.get(str(run.id)) for run in story.runs},
        headline=_headline(story),
        severity=min(severities, default=None, key=list(Severity).index),
        targets=", ".join(dict.fromkeys(run.target for run in story.runs)) or "unknown",
        duration=_duration(story, moments),
        detected=_detected(story),
        checklist=checklist(story),
        items=action_items(story),
        blank=BLANK,
    )


def _title(story: Story) -> str:
    if story.incident is not None:
        name = story.incident.labels.get("alertname", "incident")
        return f"{name} of {story.incident.starts_at:%Y-%m-%d %H:%M} UTC"
    run = story.runs[0]
    return playbook_on(run.playbook, run.target)


def _headline(story: Story) -> str | None:
    """Return the last conclusion of any run."""
    concluded = [each.headline for run in story.runs for each in run.known.decisions]
    if concluded:
        return concluded[-1]
    return next((run.known.reason for run in reversed(story.runs) if run.known.reason), None)


def _moments(story: Story) -> Iterator[Moment]:
    if story.incident is not None:
        yield Moment(story.incident.starts_at, story.incident.began)
        if story.incident.closed_at is not None:
            yield Moment(story.incident.closed_at, f"incident {story.incident.closed}")
    for each in story.alerts_seen:
        yield Moment(each.received_at, f"alert received, {each.status} ({each.verdict})")
    for run in story.runs:
        for at, what in (*timeline(run.known), *_answers(run)):
            yield Moment(at, f"{run.playbook}: {what}")
        if run.known.ended_at is not None:
            yield Moment(run.known.ended_at, f"{run.playbook}: ended, {run.known.outcome}")
    yield from publicity(story)


def _answers(run: RunStory) -> Iterator[Moment]:
    for asked in run.asked:
        yield Moment(asked.requested_at, "approval asked for")
        if asked.decided_at is not None:
            who = f" by {asked.approver}" if asked.approver else ""
            yield Moment(asked.decided_at, f"{asked.state}{who}")


def _duration(story: Story, moments: list[Moment]) -> str:
    if not moments:
        return "unknown"
    if story.incident is None:
        return f"{_minutes(moments[-1].at - moments[0].at)} from the first look to the last word"
    if story.incident.state == "open":
        return "the incident is still open"
    ended = story.incident.ends_at or story.incident.closed_at
    return "unknown" if ended is None else _minutes(ended - story.incident.starts_at)


def _detected(story: Story) -> str:
    if story.incident is None:
        return "Somebody started the playbook by hand or by schedule; no alert is on record."
    first = story.alerts_seen[0].received_at if story.alerts_seen else story.incident.opened_at
    late = _minutes(first - story.incident.starts_at)
    return f"By {story.incident.source}, {late} after it began."


def _minutes(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    return f"{seconds // 60} min {seconds % 60} s"
