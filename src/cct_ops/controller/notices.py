"""Notices to people: incidents without a run, runs that crashed, changes that are overdue."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cct_ops.clients import slack_text
from cct_ops.controller.parameters import Unfit, convert
from cct_ops.controller.routes import Rule
from cct_ops.ledger.intake.outbox import Claim
from cct_ops.ledger.record import account
from cct_ops.models.run import Run, Severity
from cct_ops.models.topic import OPEN, Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports.manual import about, requeue, shown, start_again
from cct_ops.reports.messages import notice
from cct_ops.typed import typed

NO_PLAYBOOK = "No playbook is meant for this alert."

SHOWN_LABELS = 20
SHOWN_CHARACTERS = 200

log = logging.getLogger(__name__)


def send(notifier: Notifier, claim: Claim, rule: Rule, severity: Severity | None) -> str | None:
    """Notify people of the incident; returns why not where there is no Slack."""
    name = _shown(claim.labels.get("alertname", "an alert without a name"))
    title = f"{name} from {claim.source}: {slack_text.escape(claim.note or 'no playbook')}"
    log.warning("incident %s: %s", claim.incident_id, claim.note or "no playbook")
    details = [
        *_lines(claim.labels),
        *_lines({k: v for k, v in claim.annotations.items() if k in {"summary", "description"}}),
        f"incident {claim.incident_id}, episode {claim.episode}",
    ]
    blocks: list[dict[str, Any]] = [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": slack_text.fitted(text), "emoji": False},
        }
        for text in (title, "\n".join(details))
    ]
    blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": shown(_due(claim, rule))}})
    topic = Topic(
        id=claim.incident_id,
        title=f"{claim.labels.get('alertname', 'an alert')} from {claim.source}"[:200],
        state=OPEN,
        severity=severity,
        needs_person=True,
    )
    # Where a playbook was meant and did not start, nothing of ours works on it.
    stuck = claim.note not in {None, NO_PLAYBOOK}
    # That it is P0 is paged as soon as it opens, with a playbook or without.
    notifier.send((title, blocks), topic, urgent=stuck)
    if notifier.reaches_somebody:
        return None
    return "neither SLACK_WEBHOOK_URL nor SLACK_BOT_TOKEN is set, so it stands in the log alone"


def send_urgent(notifier: Notifier, text: str, topic: Topic, commands: Sequence[str]) -> None:
    """Log it and send it to people, with what they type; raises when Slack does not accept it."""
    log.error("%s", text)
    notifier.send(notice(text, commands), topic, urgent=True)


def changed_by(engine: sa.Engine, run_id: UUID, playbook: str) -> Run:
    """Return the run that changed something, as the ledger knows it: Prefect may have lost it."""
    incident_id = account.incident_of(engine, run_id)
    return Run(id=run_id, name=str(run_id), playbook=playbook, incident_id=incident_id)


def _due(claim: Claim, rule: Rule) -> Iterator[str]:
    """Yield what a person types: the playbook that did not start, and what is known."""
    if rule.playbook is not None:
        yield requeue(claim.incident_id)
        # An alert that lacks what the playbook needs: only a person knows what that is.
        with contextlib.suppress(Unfit):
            given = {**convert(rule.parameters, claim.labels), "mode": "approve"}
            yield start_again(rule.playbook, given, claim.incident_id)
    yield about(claim.incident_id, claim.incident_id)
    yield typed("inbox", "--unfinished")


def _lines(pairs: Mapping[str, str]) -> list[str]:
    shown = sorted(pairs.items())[:SHOWN_LABELS]
    return [f"{_shown(name)}: {_shown(value)}" for name, value in shown]


def _shown(text: str) -> str:
    """Cut and escape what others wrote."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return slack_text.escape(cut)
