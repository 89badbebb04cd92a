"""
Pages: what the person on call must hear, each once for its cause.

Whoever finds the cause writes the row; who sends it holds the row while it does. A page that nobody
took stays due, and every attempt is kept, with the contacts that were tried in vain. An attempt is
there before it begins, and none begins once somebody has the incident.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.acknowledgements import acknowledged
from cct_ops.ledger.people.tables import acknowledgements, page_attempts, pages
from cct_ops.ledger.statements import Ledger, execute, find, read, scalars, within
from cct_ops.models.base import Frozen

FRESH_HOURS = 24
"""The age beyond which a page wakes nobody any more."""

OF_INCIDENT = "incident "


class Page(Frozen):
    """
    One page; it begins at ``escalation_step``, with that contact in line.

    ``topic_id`` is the incident that it is about, or a run that belongs to none. With an
    ``addressee`` it is for that one person, whoever is in line.
    """

    id: UUID
    cause: str
    topic_id: UUID | None
    subject: str
    body: str
    escalation_step: int
    attempts: int
    raised_at: datetime
    ended_at: datetime | None
    contact: str | None
    note: str | None
    addressee: str | None = None


class PageAttempt(Frozen):
    """
    One contact that was tried, and why this one.

    ``reached`` is None while it goes on, and where its process died meanwhile.
    """

    page_id: UUID
    contact: str
    way: str
    why: str | None
    reached: bool | None
    note: str | None
    attempted_at: datetime


@dataclass(frozen=True)
class ClaimedPage:
    """A page that is ours as long as the transaction lasts."""

    engine: sa.Engine
    tx: sa.Connection
    page: Page

    def begun(self, contact: str, way: str, why: str) -> int | None:
        """
        Note that this contact is tried from now on; returns the attempt's number.

        None where somebody has the incident by now: then the page is over. An acknowledgement and
        the beginning of an attempt wait for each other, so none begins later than one.
        """
        attempt = {"page_id": self.page.id, "contact": contact, "way": way, "why": why}
        about = sa.select(incidents.c.id).where(incidents.c.id == self.page.topic_id)
        note = sa.select(_taken_note()).where(pages.c.id == self.page.id, _is_taken())
        # Not in ours, which lasts as long as the contact takes to answer.
        with self.engine.begin() as tx:
            tx.execute(about.with_for_update(read=True))
            taken = tx.execute(note).scalar_one_or_none()
            if taken is None:
                made = sa.insert(page_attempts).values(attempt).returning(page_attempts.c.id)
                number: int = tx.execute(made).scalar_one()
                return number
        self._set(ended_at=now(), note=taken)
        return None

    def ended(self, attempt: int, contact: str, failure: str | None) -> None:
        """Note how an attempt ended; without a failure the page has reached the contact."""
        ended = sa.update(page_attempts).where(page_attempts.c.id == attempt)
        self.tx.execute(ended.values(reached=failure is None, note=failure))
        if failure is None:
            self._set(ended_at=now(), contact=contact, attempts=self.page.attempts + 1)

    def postponed(self, seconds: float) -> None:
        """Note that nobody was reached, and when to try again."""
        self._set(next_attempt_at=in_seconds(seconds), attempts=self.page.attempts + 1)

    def _set(self, **values: object) -> None:
        self.tx.execute(sa.update(pages).where(pages.c.id == self.page.id).values(**values))


def of_silence(part: str, last_at: datetime) -> str:
    """Name the cause that is this silence of this part."""
    return f"silence of {part} since {last_at.isoformat(timespec='seconds')}"


def ask(
    ledger: Ledger,
    cause: str,
    *,
    subject: str,
    body: str,
    topic_id: UUID | None = None,
    escalation_step: int = 0,
    addressee: str | None = None,
) -> bool:
    """Ask for a page, once for its cause; False if that was asked for before."""
    wanted = insert(pages).values(
        cause=cause,
        subject=subject,
        body=body,
        topic_id=topic_id,
        escalation_step=escalation_step,
        addressee=addressee,
    )

    def ask_once(tx: sa.Connection) -> bool:
        made = execute(tx, wanted.on_conflict_do_nothing()) == 1
        if made:
            outbox.wake(tx)
        return made

    return within(ledger, ask_once)


def due(engine: sa.Engine) -> list[UUID]:
    """Return the pages that are due, the one that has waited longest first."""
    wanted = sa.select(pages.c.id).where(*_due()).order_by(pages.c.raised_at)
    return scalars(engine, wanted)


@contextmanager
def claimed(engine: sa.Engine, page_id: UUID) -> Iterator[ClaimedPage | None]:
    """Yield a page that is due, to be sent; None if it is not any more, or another has it."""
    with engine.begin() as tx:
        wanted = sa.select(pages).where(pages.c.id == page_id, *_due())
        # Not of its key: attempts refer to that, in transactions of their own.
        found = find(tx, Page, wanted.with_for_update(skip_locked=True, key_share=True))
        yield None if found is None else ClaimedPage(engine, tx, found)


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    return (pages.c.ended_at.is_(None), pages.c.next_attempt_at <= now(), ~_is_taken())


def _is_taken() -> sa.ColumnElement[bool]:
    """True where somebody has its incident; one to a single person ends if that was since."""
    since = pages.c.addressee.is_(None) | (acknowledgements.c.at > pages.c.raised_at)
    return acknowledged(pages.c.topic_id, since)


def _taken_note() -> sa.ScalarSelect[str]:
    """Say of a page who has its incident."""
    return (
        sa.select(sa.func.format("Not sent: acknowledged by %s.", acknowledgements.c.person))
        .where(acknowledgements.c.incident_id == pages.c.topic_id)
        .order_by(acknowledgements.c.id.desc())
        .limit(1)
        .correlate(pages)
        .scalar_subquery()
    )


def settle(engine: sa.Engine) -> None:
    """End pages that nobody took and that are about nothing any more, or about what one has."""
    over = sa.exists().where(
        incidents.c.id == pages.c.topic_id,
        incidents.c.state == "closed",
        (pages.c.cause == sa.literal(OF_INCIDENT) + sa.cast(incidents.c.id, sa.Text))
        | pages.c.addressee.is_not(None),
    )
    too_old = pages.c.raised_at <= in_seconds(-FRESH_HOURS * 3600)
    with engine.begin() as tx:
        for reason, note in (
            (over, "The incident was over before anybody was reached."),
            (too_old, f"Nobody was reached within {FRESH_HOURS} hours."),
        ):
            ended = sa.update(pages).where(pages.c.ended_at.is_(None), reason)
            tx.execute(ended.values(ended_at=now(), note=note))
        taken = sa.update(pages).where(pages.c.ended_at.is_(None), _is_taken())
        tx.execute(taken.values(ended_at=now(), note=_taken_note()))


class Paged(Frozen):
    """A page with everybody who was tried."""

    page: Page
    attempts: tuple[PageAttempt, ...]


def newest(engine: sa.Engine, limit: int) -> list[Paged]:
    """Return pages with their attempts, the newest page first."""
    return _with_attempts(engine, sa.select(pages).order_by(pages.c.raised_at.desc()).limit(limit))


def _with_attempts(ledger: Ledger, wanted: sa.Select[tuple[object, ...]]) -> list[Paged]:
    found = read(ledger, Page, wanted)
    of_these = page_attempts.c.page_id.in_([page.id for page in found])
    tried = read(ledger, PageAttempt, sa.select(page_attempts).where(of_these).order_by("id"))
    return [
        Paged(page=page, attempts=tuple(each for each in tried if each.page_id == page.id))
        for page in found
    ]
