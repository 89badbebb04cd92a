"""
Reminds people of follow-ups that are due, and keeps their issues on GitHub in line.

Nothing is made here that nobody asked for: a follow-up is a person's, and its issue policy's.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from cct_ops.clients.github_issues import IssueTracker
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.config import policy
from cct_ops.config.approvers import Approvers
from cct_ops.errors import Rejected
from cct_ops.ledger.record import follow_up_issues as issues, follow_ups as rows
from cct_ops.ledger.record.follow_up_issues import IssueState
from cct_ops.ledger.set_aside import border
from cct_ops.models.follow_up import FollowUpState
from cct_ops.people.notifier import Notifier
from cct_ops.reports import follow_ups as texts
from cct_ops.reports.messages import reminder
from cct_ops.settings import Settings

EVERY_SECONDS = 60.0
POLL_SECONDS = 600.0
"""The pause between two looks at each open issue, most of which cost no quota."""

_GONE = {404, 410}

_log = logging.getLogger(__name__)


def remind(engine: sa.Engine, settings: Settings, notifier: Notifier, approvers: Approvers) -> int:
    """Remind people once a day of all that is due, in one message; returns of how many."""
    at = policy.read(settings.policy_path).follow_ups.remind_at
    due = rows.to_remind(engine, at)
    readable: list[UUID] = []

    def look(each: UUID) -> None:
        readable.append(rows.find(engine, each).id)

    border(engine, "follow-ups that are due").each(due, str, look)
    if not readable:
        return 0
    users = {each.id: each.slack_user_id for each in approvers.approvers if each.slack_user_id}
    with rows.reminding(engine, readable) as mine:
        if mine:
            message = reminder(mine, rows.today(engine), users)
            _log.info("%s", message[0])
            notifier.send(message)
        return len(mine)


class Issues:
    """Brings follow-ups and their issues into line, where policy wants there to be any."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._tags: dict[int, str | None] = {}
        self._next_look = 0.0

    def __call__(self) -> int:
        """Make, rewrite and close issues, look which people closed; returns how many were owed."""
        if not policy.read(self._settings.policy_path).follow_ups.github_issues:
            return 0
        owed = issues.owed(self._engine)
        owed_ones = border(self._engine, "issues of follow-ups")
        watched: list[tuple[UUID, int]] = []
        looks = border(self._engine, "looks at issues of follow-ups")
        if time.monotonic() >= self._next_look:
            watched = issues.watched(self._engine)
            self._next_look = time.monotonic() + POLL_SECONDS
            if not watched:
                looks.nothing_left()
        if not owed and not watched:
            return owed_ones.nothing_left()
        url, repository, token = self._settings.github()
        timeout = self._settings.request_timeout_seconds
        with GitHubTransport(url, repository, token, timeout) as transport:
            tracker = IssueTracker(transport)
            bring = partial(self._bring, tracker)
            done = owed_ones.each(owed, str, bring)
            if watched:
                look = partial(self._look, tracker)
                looks.each(watched, lambda each: each[0], look)
        return done

    def _bring(self, tracker: IssueTracker, follow_up_id: UUID) -> None:
        """Bring the issue of one follow-up up to date."""
        taken = issues.claim(self._engine, follow_up_id)
        if taken is None:
            return
        follow_up, number, asked_before = taken
        title, body = texts.issue(follow_up)
        if number is None:
            # After an attempt that left no number it may be there: then a second one is none.
            known = None
            if asked_before is not None:
                known = tracker.find(texts.mark(follow_up.id), follow_up.made_at)
            if known is None and not follow_up.open:
                issues.give_up(self._engine, follow_up.id)
                return
            made = known or tracker.open(title, body)
            issues.record(self._engine, follow_up.id, IssueState.OPEN, made.number, made.html_url)
        elif follow_up.open:
            tracker.rewrite(number, title, body)
            issues.record_state(self._engine, follow_up.id, IssueState.OPEN)
        else:
            tracker.close(number, done=follow_up.state is FollowUpState.DONE)
            issues.record_state(self._engine, follow_up.id, IssueState.CLOSED)

    def _look(self, tracker: IssueTracker, watched: tuple[UUID, int]) -> None:
        """Look whether somebody closed the issue of one follow-up; then the follow-up is over."""
        follow_up_id, number = watched
        try:
            found = tracker.read_if_changed(number, self._tags.get(number))
        except Rejected as error:
            if error.status not in _GONE:
                raise
            _log.warning("follow-up %s goes on without its issue: %s", follow_up_id, error)
            issues.record_state(self._engine, follow_up_id, IssueState.GONE)
            return
        if found is None:
            return
        issue, self._tags[number] = found
        if issue.state == "open":
            return
        dropped = issue.state_reason == "not_planned"
        issues.end_as_closed(
            self._engine,
            follow_up_id,
            FollowUpState.DROPPED if dropped else FollowUpState.DONE,
            by=f"{issue.closed_by or 'somebody'} on GitHub",
            reason="Its issue was closed as not planned." if dropped else None,
        )
