"""Whoever our files know has one name in the record, whichever of them knows the person."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cct_ops.config import people
from cct_ops.config.approvers import Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.gateway.approvals.incident_buttons import IncidentButtons
from cct_ops.ledger.people import acknowledgements
from cct_ops.people.notifier import Notifier
from tests.ledger.alerts import opened

CONTACTS = Contacts.model_validate(
    {
        "contacts": [
            {"id": "anna", "name": "Anna (SRE)", "slack_user_id": "U0ANNA", "block": "slack/a"},
            {"id": "cleo", "name": "Cleo Diaz", "slack_user_id": "U0CLEO", "block": "slack/c"},
            {"id": "owner", "slack_user_id": "U0OWNER", "block": "slack/o"},
            {"id": "lead", "slack_user_id": "U0BEN", "block": "slack/l"},
        ]
    }
)
APPROVERS = Approvers.model_validate(
    {
        "approvers": [
            {"id": "anna", "name": "Anna Ito", "webhook": {"env": "ANNA"}},
            {"id": "ben", "name": "Ben Okafor", "slack_user_id": "U0BEN"},
        ]
    }
)


@pytest.mark.parametrize(
    ("said", "user", "name"),
    [
        ("anna", "U0ANNA", "Anna Ito"),
        ("ben", "U0BEN", "Ben Okafor"),
        ("cleo", "U0CLEO", "Cleo Diaz"),
        ("owner", "U0OWNER", "owner"),
    ],
)
def test_who_is_assigned_an_incident_and_takes_it_on_in_slack_has_one_name(
    engine: sa.Engine, said: str, user: str, name: str
) -> None:
    incident = opened(engine)

    assigned = people.meant(said, people.known(CONTACTS, APPROVERS, None)).name
    pressed = IncidentButtons(engine, CONTACTS, APPROVERS, Notifier(engine))
    taken = pressed.take_on(str(incident), user)

    holder = acknowledgements.holders(engine, [incident])[incident]
    assert (assigned, taken.person, holder.person) == (name, name, name)


def test_a_contact_is_known_by_the_name_that_is_not_on_record_too() -> None:
    known = people.known(CONTACTS, APPROVERS, None)

    assert people.meant("anna (sre)", known).name == "Anna Ito"
    assert [each.name for each in known] == ["Anna Ito", "Cleo Diaz", "owner", "Ben Okafor"]
    assert [each.name for each in people.known(CONTACTS, None, None)] == [
        "Anna (SRE)",
        "Cleo Diaz",
        "owner",
        "lead",
    ]
