"""
The button under the head of an incident's thread in Slack: whoever presses it has the incident.

A press says which holder its person saw: sent again, late or by two at once it counts once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config import people
from cct_ops.config.approvers import Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.errors import NotPermitted
from cct_ops.ledger.people import acknowledgements
from cct_ops.people.notifier import Notifier

UNKNOWN = (
    "Nothing was done: this user of Slack is nobody whom we know. Whoever keeps contacts.yaml can"
    " give a contact `slack_user_id: {}`."
)
HAS_IT = "You have this incident: nobody else is paged about it."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """How a press came out: who took the incident, or why nothing was done."""

    person: str | None
    refusal: str | None = None


@dataclass(frozen=True)
class IncidentButtons:
    """Takes presses of users who are contacts or approvers."""

    engine: sa.Engine
    contacts: Contacts
    approvers: Approvers
    notifier: Notifier

    def take_on(self, value: str, user_id: str) -> Taken:
        """Record that the user has the incident that a button carries, with who had it."""
        incident, _, number = value.partition("/")
        incident_id, seen = UUID(incident), int(number) if number else None
        person = self._person(user_id)
        if person is None:
            log.warning("a user of Slack who is nobody here pressed a button: %s", user_id)
            return Taken(None, UNKNOWN.format(user_id))
        proof = f"Slack's signature, as the user {user_id}"
        try:
            acknowledgements.record_as_seen(self.engine, incident_id, person, proof, seen=seen)
        except NotPermitted as error:
            return Taken(person, str(error))
        log.info("incident %s: %s took it on in Slack", incident_id, person)
        return Taken(person)

    def show(self, value: str) -> bool:
        """Let the head say who has it; False where there is no head that could."""
        return self.notifier.show_holder(UUID(value.partition("/")[0]))

    def _person(self, user_id: str) -> str | None:
        contact = self.contacts.by_slack_user(user_id)
        if contact is not None:
            return people.name_of(contact, self.approvers)
        approver = self.approvers.by_slack_user(user_id)
        return approver.name if approver else None
