"""
Letters: each approver's own link to each open request, sent to that person alone.

Where a request takes several, a second letter says that somebody has said yes. The gateway sends
them itself, because the links' key must be nowhere else. A letter is noted in the transaction in
which it is sent: two gateways send one, and a gateway that dies sends it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert

from cct_ops.clients import slack
from cct_ops.errors import OpsError
from cct_ops.gateway import approval_links
from cct_ops.gateway.approval_links import Claim
from cct_ops.ledger import approval_answers
from cct_ops.ledger.approval_tables import answers, letters
from cct_ops.ledger.approvals import Approval, ApprovalState, read_row
from cct_ops.ledger.schema import approvals
from cct_ops.ledger.sql import now
from cct_ops.models.approver import Approver
from cct_ops.reports.asking import letter

POLL_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 15.0
FIRST_YES = "first-yes"
ABOUT = ("request", FIRST_YES)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PostOffice:
    """Sends links; ``webhooks`` are the addresses of those approvers who can get any."""

    engine: sa.Engine
    key: SecretStr
    gateway_url: str
    webhooks: Mapping[Approver, SecretStr]

    def run(self, stopping: threading.Event) -> None:
        """Send what is to be sent until told to stop."""
        while not stopping.is_set():
            try:
                while self.send_one():
                    pass
                pause = POLL_SECONDS
            except (OpsError, sa.exc.SQLAlchemyError) as error:
                told = error if isinstance(error, OpsError) else type(error).__name__
                log.warning("a link could not be sent and is sent later: %s", told)
                pause = AFTER_FAILURE_SECONDS
            stopping.wait(pause)

    def send_one(self) -> bool:
        """Send one letter that is due; False if there is none."""
        for (person, webhook), about in product(self.webhooks.items(), ABOUT):
            with self.engine.begin() as tx:
                approval = self._due(tx, person, about)
                if approval is None:
                    continue
                # A second gateway waits here until the first has sent it, and then finds it sent.
                noted = tx.execute(
                    insert(letters)
                    .values(approval_id=approval.id, approver_id=person.id, about=about)
                    .on_conflict_do_nothing()
                    .returning(letters.c.approver_id)
                )
                if noted.one_or_none() is not None:
                    yes = approval_answers.said_yes(tx, approval.id) if about == FIRST_YES else ()
                    link = self.link(approval, person)
                    slack.post(webhook, *letter(approval, person, link, yes))
            return True
        return False

    def link(self, approval: Approval, person: Approver) -> str:
        """Return the person's link to the request."""
        claim = Claim(approval.id, person.id, int(approval.expires_at.timestamp()))
        return f"{self.gateway_url}/approvals/{approval_links.mint(self.key, claim)}"

    def _due(self, tx: sa.Connection, person: Approver, about: str) -> Approval | None:
        sent = sa.select(letters.c.approval_id).where(
            letters.c.approval_id == approvals.c.id,
            letters.c.approver_id == person.id,
            letters.c.about == about,
        )
        given = sa.select(answers.c.id).where(answers.c.approval_id == approvals.c.id)
        wanted = [~sent.exists()]
        if about == FIRST_YES:
            wanted += [given.exists(), ~given.where(answers.c.approver_id == person.id).exists()]
        row = tx.execute(
            sa.select(approvals)
            .where(
                approvals.c.state == ApprovalState.PENDING,
                approvals.c.expires_at > now(),
                *wanted,
            )
            .order_by(approvals.c.requested_at)
            .limit(1)
        ).one_or_none()
        return None if row is None else read_row(row)
