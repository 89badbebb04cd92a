"""The people whom our files know: an incident can be assigned to one of them."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.contacts import Contact, Contacts
from cct_ops.config.sign_in import SignIn
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded


class Known(Frozen):
    """
    One person or role on call, by the name that is on record.

    ``id`` is that in contacts.yaml and approvers.yaml, where somebody can be told something by it;
    ``called`` are further names that are good for asking, and never on record.
    """

    name: str
    id: str | None = None
    called: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """True if ``name`` is what this person is called."""
        return folded(name) in map(folded, (self.name, *self.called))


def known(
    contacts: Contacts, approvers: Approvers | None, sign_in: SignIn | None
) -> tuple[Known, ...]:
    """Return each of them once: contacts in their order, further approvers, who else signs in."""
    found, met = [], set()
    for contact in contacts.contacts:
        same = _same(contact, approvers)
        met |= {same.id} if same else set()
        called = (contact.id, contact.shown, *((same.id,) if same else ()))
        found.append(Known(id=contact.id, name=name_of(contact, approvers), called=called))
    found += (
        Known(id=each.id, name=each.name, called=(each.id,))
        for each in (approvers.approvers if approvers else ())
        if each.id not in met
    )
    for person in sign_in.people if sign_in else ():
        if not any(each.is_called(person.name) for each in found):
            found.append(Known(name=person.name))
    return tuple(found)


def name_of(contact: Contact, approvers: Approvers | None) -> str:
    """
    Return the name by which a contact is on record: an approver's is the one of their approvals.

    An approver of the same id, or the same user of Slack, is the same person.
    """
    same = _same(contact, approvers)
    return same.name if same else contact.shown


def _same(contact: Contact, approvers: Approvers | None) -> Approver | None:
    if approvers is None:
        return None
    found = approvers.by_id(contact.id)
    if found is None and contact.slack_user_id is not None:
        found = approvers.by_slack_user(contact.slack_user_id)
    return found


def meant(name: str, people: Sequence[Known]) -> Known:
    """Return who is meant by a name or an id; raises ``BadConfiguration`` with who there is."""
    found = next((each for each in people if each.is_called(name)), None)
    if found is None:
        names = ", ".join(each.name for each in people)
        raise BadConfiguration(f"nobody here is called {name!r}; known are {names}")
    return found
