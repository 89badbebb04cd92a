"""
P0 incidents: somebody is paged for each, and the status page shows when it opens and is over.

A status page that does not answer is asked again, less and less often; so is one that refuses,
because a person may correct what it refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.clients import webhook
from cct_ops.clients.connection import doubled
from cct_ops.config import contacts
from cct_ops.config.contacts import Contacts, Fact, State, StatusPage
from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger.people import p0_incidents, pages, silences, status_posts
from cct_ops.ledger.people.status_posts import StatusPost
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import Severity
from cct_ops.people.paging import Pager
from cct_ops.reports.pages import incident_page, public_title

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 900.0

log = logging.getLogger(__name__)


def page_about_new(pager: Pager) -> int:
    """Page about what is new, and send all that is due; returns how many pages reached somebody."""
    engine = pager.engine

    def ask(incident_id: UUID) -> None:
        incident = p0_incidents.read(engine, incident_id)
        if silences.about(engine, incident.labels) is not None:
            return  # and if it is open still when that ends, somebody is paged
        subject, body = incident_page(incident)
        cause = f"{pages.OF_INCIDENT}{incident_id}"
        pages.ask(engine, cause, subject=subject, body=body, topic_id=incident_id)

    unpaged = p0_incidents.unpaged(engine, pager.contacts.severities.get(Severity.P0, ()))
    border(engine, "P0 incidents").each(unpaged, str, ask)
    return pager()


@dataclass(frozen=True)
class Announcer:
    """Notifies the status page, if there is one."""

    engine: sa.Engine
    contacts: Contacts

    def __call__(self) -> int:
        """Post what is due; returns how many posts the page accepted."""
        page = self.contacts.status_page
        if page is None:
            return 0
        status_posts.enqueue(self.engine, self.contacts.severities.get(Severity.P0, ()))
        taken = 0

        def post_one(which: tuple[UUID, int]) -> None:
            nonlocal taken
            with status_posts.claimed(self.engine, *which) as post:
                if post is not None:
                    taken += _post(page, post)

        posts = border(self.engine, "posts to the status page")
        # A post that was accepted lets the next about the same incident go out.
        while posts.each(
            status_posts.due(self.engine), lambda which: f"{which[0]}/{which[1]}", post_one
        ):
            pass
        return taken


def _post(page: StatusPage, claimed: status_posts.ClaimedPost) -> bool:
    post = claimed.post
    try:
        headers = {name: contacts.secret(where) for name, where in page.headers.items()}
        webhook.post(
            contacts.address(page.url),
            page.body(_facts(page, post)),
            headers,
            key=post.key,
            whose="the status page",
        )
    except OpsError as error:
        wait = error.retry_after_seconds if isinstance(error, Unavailable) else None
        pause = doubled(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, post.attempts)
        log.warning("incident %s is not %s in public yet: %s", post.incident_id, post.state, error)
        claimed.postponed(max(pause, wait or 0), str(error))
        return False
    log.info("the status page shows incident %s as %s", post.incident_id, post.state)
    claimed.posted()
    return True


def _facts(page: StatusPage, post: StatusPost) -> Mapping[Fact, str | None]:
    over = post.state == State.RESOLVED
    return {
        Fact.KEY: post.key,
        Fact.INCIDENT_ID: str(post.incident_id),
        Fact.TITLE: public_title(post.labels, post.annotations, page.title_annotation),
        Fact.STATE: post.state,
        Fact.SEVERITY: Severity.P0.value,
        Fact.OPENED_AT: _moment(post.starts_at),
        Fact.RESOLVED_AT: _moment(post.ends_at or post.closed_at) if over else None,
        Fact.POSTED_AT: _moment(post.raised_at),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
