"""The people whom our files know: an incident can be assigned to one of them."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.config.approvers import Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.config.sign_in import SignIn
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded


class Known(Frozen):
    """
    One person or role on call, by the name that is on record.

    ``id`` is that in contacts.yaml and approvers.yaml, where somebody can be told something by it.
    """

    name: str
    id: str | None = None

    def is_called(self, name: str) -> bool:
        """True if ``name`` is what this person is called."""
        return folded(name) in {folded(self.name), self.id or folded(self.name)}


def known(
    contacts: Contacts, approvers: Approvers | None, sign_in: SignIn | None
) -> tuple[Known, ...]:
    """Return each of them once: contacts in their order, further approvers, who else signs in."""
    named = {each.id: each.name for each in (approvers.approvers if approvers else ())}
    ids = dict.fromkeys([*(each.id for each in contacts.contacts), *named])
    found = [Known(id=each, name=named.get(each, each)) for each in ids]
    for person in sign_in.people if sign_in else ():
        if not any(each.is_called(person.name) for each in found):
            found.append(Known(name=person.name))
    return tuple(found)


def meant(name: str, people: Sequence[Known]) -> Known:
    """Return who is meant by a name or an id; raises ``BadConfiguration`` with who there is."""
    found = next((each for each in people if each.is_called(name)), None)
    if found is None:
        names = ", ".join(each.name for each in people)
        raise BadConfiguration(f"nobody here is called {name!r}; known are {names}")
    return found
