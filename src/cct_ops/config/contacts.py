"""The contacts for when a person has to act, and the status page: deployments/contacts.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from cct_ops.config import yaml_files
from cct_ops.config.approvers import ApproverId, SlackUserId
from cct_ops.config.rota import Rota
from cct_ops.config.secret_references import is_url, read_secret
from cct_ops.config.sources import HeaderName, KeyReference, SecretReference
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.run import Severity

BlockName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9-]+$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
Label = Annotated[str, StringConstraints(to_lower=True, min_length=1, max_length=60)]

Channel = Annotated[str, StringConstraints(pattern=r"^(#[a-z0-9_-]{1,80}|[CG][A-Z0-9]{6,20})$")]


class Fact(StrEnum):
    """A fact that can be posted to a status page."""

    KEY = "key"
    INCIDENT_ID = "incident_id"
    TITLE = "title"
    STATE = "state"
    SEVERITY = "severity"
    OPENED_AT = "opened_at"
    RESOLVED_AT = "resolved_at"
    POSTED_AT = "posted_at"


class State(StrEnum):
    """The public state of an incident."""

    INVESTIGATING = "investigating"
    RESOLVED = "resolved"


class Contact(Frozen):
    """
    One person or role on call; an approver of the same id is the same person.

    ``block`` is a notification block in Prefect, as type/name. ``webhook`` says where an address is
    kept that takes ``{"text": …}``, as chats do. ``slack_user_id`` lets the buttons in Slack know
    this person; ``called`` are further names in calendars, such as an address.
    """

    id: ApproverId
    name: str | None = Field(None, min_length=2, max_length=100)
    slack_user_id: SlackUserId | None = None
    called: tuple[Annotated[str, StringConstraints(min_length=2, max_length=100)], ...] = ()
    block: BlockName | None = None
    webhook: KeyReference | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.block is None) == (self.webhook is None):
            raise ValueError("say the one way to reach this contact: either block: or webhook:")
        return self

    @property
    def shown(self) -> str:
        """What people call this contact."""
        return self.name or self.id

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which a calendar may know this contact."""
        return (self.id, *((self.name,) if self.name else ()), *self.called)

    @property
    def way(self) -> str:
        """The name of the way in the record: never an address."""
        return f"block {self.block}" if self.webhook is None else f"webhook {self.webhook.name}"


class StatusPage(Frozen):
    """
    The webhook of a status page, and its own words for what we post.

    ``fields`` are its names for our facts, and only these are sent; ``inside`` puts them into an
    object of that name; ``states`` are its words for our states; ``always`` is sent as it is.
    """

    url: KeyReference
    headers: dict[HeaderName, KeyReference] = Field(default_factory=dict)
    title_annotation: str = Field("public_title", min_length=1, max_length=100)
    fields: dict[Fact, Word] = Field(
        default_factory=lambda: {fact: fact.value for fact in Fact}, min_length=1
    )
    inside: Word | None = None
    states: dict[State, Word] = Field(default_factory=dict)
    always: dict[Word, str | bool | int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        names = list(self.fields.values())
        taken = {name for name in names if names.count(name) > 1}
        if self.inside is None:
            taken |= set(names) & self.always.keys()
        elif self.inside in self.always:
            taken.add(self.inside)
        if taken:
            raise ValueError(f"{', '.join(sorted(taken))} would be sent with two values")
        return self

    def body(self, facts: Mapping[Fact, str | None]) -> dict[str, object]:
        """Return what is posted."""
        words = {state.value: word for state, word in self.states.items()}
        facts_sent: dict[str, object] = {}
        for fact, name in self.fields.items():
            value = facts[fact]
            facts_sent[name] = words.get(value or "", value) if fact is Fact.STATE else value
        return {**self.always, **({self.inside: facts_sent} if self.inside else facts_sent)}


_USUAL_WORDS: dict[Severity, tuple[str, ...]] = {
    Severity.P0: ("p0", "critical", "page", "emergency"),
    Severity.P1: ("p1", "error", "high", "major"),
    Severity.P2: ("p2", "warning", "info", "low", "minor"),
}


class Contacts(Frozen):
    """
    Contacts in the order in which they are tried, and the other ways to reach people.

    With a ``rota`` those who are on call are tried first, and then its fallback.
    ``severities`` says which values of an alert's label ``severity`` mean which of ours;
    ``channels`` are those of Slack in which our bot begins its threads, where not the usual one.
    """

    contacts: tuple[Contact, ...] = Field(min_length=1)
    rota: Rota | None = None
    severities: dict[Severity, tuple[Label, ...]] = Field(default_factory=_USUAL_WORDS.copy)
    channels: dict[Severity, Channel] = Field(default_factory=dict)
    status_page: StatusPage | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [contact.id for contact in self.contacts]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"two contacts are called {', '.join(repeated)}")
        labels = [label for known in self.severities.values() for label in known]
        if repeated := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"{', '.join(repeated)} cannot mean two severities")
        users = [each.slack_user_id for each in self.contacts if each.slack_user_id]
        if len(set(users)) < len(users):
            raise ValueError("two contacts share a Slack user")
        return self

    @model_validator(mode="after")
    def _known_on_call(self) -> Self:
        if self.rota is None:
            return self
        ids = {contact.id for contact in self.contacts}
        if strangers := sorted(self.rota.named - ids):
            raise ValueError(f"the rota names {', '.join(strangers)}, and no contact is called so")
        if both := sorted(ids & {layer.name for layer in self.rota.layers}):
            raise ValueError(f"{', '.join(both)} cannot be both a contact and a layer of the rota")
        return self

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """All names by which a calendar may know each contact, by its id."""
        return {contact.id: contact.names for contact in self.contacts}

    def by_id(self, contact_id: str) -> Contact:
        """Return the contact of this id; the first of all where there is none any more."""
        return next((each for each in self.contacts if each.id == contact_id), self.contacts[0])

    def by_slack_user(self, user_id: str) -> Contact | None:
        """Return the contact who is this user of Slack."""
        return next((each for each in self.contacts if each.slack_user_id == user_id), None)

    def severity_of(self, labels: Mapping[str, str]) -> Severity | None:
        """Return what an alert's own label says of its severity."""
        said = labels.get("severity", "").lower()
        return next((each for each, words in self.severities.items() if said in words), None)


def read(path: Path) -> Contacts:
    """Read the contacts; raises ``BadConfiguration`` with file, line and reason."""
    return yaml_files.load(path, Contacts)


def address(reference: KeyReference) -> SecretStr:
    """Return the URL at the place; raises ``BadConfiguration`` that names the place alone."""
    found = secret(reference)
    check_url(found, reference.name)
    return found


def check_url(found: SecretStr, place: str) -> None:
    """Refuse what is no URL: it is a secret, and the HTTP library's own error would show it."""
    if not is_url(found.get_secret_value()):
        raise BadConfiguration(f"What is in {place} is not an http(s) URL.")


def secret(reference: SecretReference) -> SecretStr:
    """Return what is at the place; raises ``BadConfiguration`` when that is nothing."""
    kind = "file" if reference.file else "environment variable"
    try:
        found = read_secret(reference)
    except OSError as error:
        why = error.strerror
        raise BadConfiguration(f"The {kind} {reference.name} cannot be read: {why}.") from None
    if not found:
        raise BadConfiguration(f"The {kind} {reference.name} is not set.")
    return SecretStr(found)
