"""The post-incident review: the runbook's ten sections, as far as the record can fill them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cct_ops.ledger.record.history import RunStory, Story
from cct_ops.models.run import Severity
from cct_ops.models.topic import playbook_on
from cct_ops.reports.follow_up import action_items, checklist
from cct_ops.reports.render import render
from cct_ops.reports.timeline import Moment, timeline

BLANK = "**To be filled in by people:**"


def review(story: Story, written_at: datetime, links: Mapping[str, str | None]) -> str:
    """Render the review; ``links`` leads to each run's page, by the run's id."""
    moments = _moments(story)
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


def _moments(story: Story) -> list[Moment]:
    moments = []
    if story.incident is not None:
        moments.append(Moment(at=story.incident.starts_at, what=story.incident.began))
        if story.incident.closed_at is not None:
            what = f"incident {story.incident.closed}"
            moments.append(Moment(at=story.incident.closed_at, what=what))
    moments += [
        Moment(at=each.received_at, what=f"alert received, {each.status} ({each.verdict})")
        for each in story.sightings
    ]
    for run in story.runs:
        moments += [
            Moment(at=each.at, what=f"{run.playbook}: {each.what}") for each in timeline(run.known)
        ]
        moments += _answers(run)
        if run.finished_at is not None:
            what = f"{run.playbook}: ended, {run.known.outcome}"
            moments.append(Moment(at=run.finished_at, what=what))
    moments += _paged(story)
    moments += [Moment(at=at, what=f"status page updated: {state}") for state, at in story.public]
    return sorted(moments, key=lambda moment: moment.at)


def _paged(story: Story) -> list[Moment]:
    """Return who was paged, those who could not be reached included."""
    moments = []
    for paged in story.paged:
        moments.append(
            Moment(at=paged.page.raised_at, what=f"page asked for: {paged.page.subject}")
        )
        for tried in paged.attempts:
            how = f"reached by {tried.way}" if tried.reached else f"not reached: {tried.note}"
            moments.append(Moment(at=tried.attempted_at, what=f"page: {tried.contact} {how}"))
    return moments


def _answers(run: RunStory) -> list[Moment]:
    moments = []
    for asked in run.asked:
        moments.append(Moment(at=asked.requested_at, what=f"{run.playbook}: approval asked for"))
        if asked.decided_at is not None:
            who = f" by {asked.approver}" if asked.approver else ""
            what = f"{run.playbook}: {asked.state}{who}"
            moments.append(Moment(at=asked.decided_at, what=what))
    return moments


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
    first = story.sightings[0].received_at if story.sightings else story.incident.opened_at
    late = _minutes(first - story.incident.starts_at)
    return f"By {story.incident.source}, {late} after it began."


def _minutes(length: timedelta) -> str:
    seconds = max(0, round(length.total_seconds()))
    return f"{seconds // 60} min {seconds % 60} s"
