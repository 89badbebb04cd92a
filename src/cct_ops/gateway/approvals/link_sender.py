"""
The sender of approval links: each approver gets an own link to each open request.

Where a request takes several approvals, a second message says that somebody has approved. The
gateway sends the links itself, because their key must be nowhere else. A link is recorded in the
transaction in which it is sent: two gateways send it once, a gateway that dies sends it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert

from cct_ops.clients import slack
from cct_ops.config.approvers import Approver
from cct_ops.gateway.approvals import links
from cct_ops.gateway.approvals.links import Link
from cct_ops.ledger.clock import now
from cct_ops.ledger.engine import at_once
from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approvals import Approval, ApprovalState, read_row
from cct_ops.ledger.gate.tables import answers, approvals, sent_links
from cct_ops.ledger.set_aside import border
from cct_ops.reports.asking import link_message

POLL_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 15.0
FIRST_YES = "first-yes"
ABOUT = ("request", FIRST_YES)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DueLink:
    """A message with a link that has to be sent."""

    approval_id: UUID
    person: Approver
    about: str

    def __str__(self) -> str:
        """Name it."""
        return f"request {self.approval_id} to {self.person.id} ({self.about})"


@dataclass(frozen=True)
class LinkSender:
    """Sends links; ``webhooks`` are the addresses of the approvers who can receive them."""

    engine: sa.Engine
    key: SecretStr
    gateway_url: str
    webhooks: Mapping[Approver, SecretStr]

    def run(self, stopping: threading.Event) -> None:
        """Send the links that are due until ``stopping`` is set."""
        jobs, well = border(self.engine, "jobs of the gateway"), False
        waiting: list[int] = []
        while not stopping.is_set():
            waiting.clear()
            well = jobs.attempt(
                "approval links", lambda: waiting.append(self.send()), known=not well
            )
            stopping.wait(POLL_SECONDS if waiting == [0] else AFTER_FAILURE_SECONDS)

    def send(self) -> int:
        """Send each link that is due; returns how many failed and will be tried again."""
        due = self._due()
        return len(due) - border(self.engine, "approval links").each(due, str, self._send)

    def _send(self, due: DueLink) -> None:
        with self.engine.begin() as tx:
            # A second gateway waits here until the first has sent it, and then finds it sent.
            noted = tx.execute(
                insert(sent_links)
                .values(approval_id=due.approval_id, approver_id=due.person.id, about=due.about)
                .on_conflict_do_nothing()
                .returning(sent_links.c.approver_id)
            )
            if noted.one_or_none() is None:
                return
            row = tx.execute(sa.select(approvals).where(approvals.c.id == due.approval_id)).one()
            approval = read_row(row)
            first = due.about == FIRST_YES
            yes = approval_answers.said_yes(tx, approval.id) if first else ()
            link = self.link(approval, due.person)
            slack.post(self.webhooks[due.person], *link_message(approval, due.person, link, yes))

    def link(self, approval: Approval, person: Approver) -> str:
        """Return the person's link to the request."""
        link = Link(approval.id, person.id, int(approval.expires_at.timestamp()))
        return f"{self.gateway_url}/approvals/{links.mint(self.key, link)}"

    def _due(self) -> list[DueLink]:
        """Return the links that are due, those about the oldest request first."""
        if not self._open_requests():  # as nearly always: one question instead of two for each
            return []
        return [
            DueLink(approval_id, person, about)
            for person, about in product(self.webhooks, ABOUT)
            for approval_id in self._requests(person, about)
        ]

    def _open_requests(self) -> bool:
        with at_once(self.engine).connect() as connection:
            return bool(connection.execute(sa.select(sa.exists().where(*_open()))).scalar())

    def _requests(self, person: Approver, about: str) -> list[UUID]:
        sent = sa.select(sent_links.c.approval_id).where(
            sent_links.c.approval_id == approvals.c.id,
            sent_links.c.approver_id == person.id,
            sent_links.c.about == about,
        )
        given = sa.select(answers.c.id).where(answers.c.approval_id == approvals.c.id)
        wanted = [~sent.exists()]
        if about == FIRST_YES:
            wanted += [given.exists(), ~given.where(answers.c.approver_id == person.id).exists()]
        found = sa.select(approvals.c.id).where(*_open(), *wanted)
        with self.engine.connect() as connection:
            return list(connection.execute(found.order_by(approvals.c.requested_at)).scalars())


def _open() -> tuple[sa.ColumnElement[bool], ...]:
    return approvals.c.state == ApprovalState.PENDING, approvals.c.expires_at > now()
