"""
Who may send alerts: the shape of deployments/sources.yaml.

Every kind of sender fixes how it proves who it is. A source that accepted two schemes, or a
signature with and without its timestamp, would be as safe as the weaker one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    HttpUrl,
    StringConstraints,
    field_validator,
    model_validator,
)

from cct_ops.config.source_fields import COPIES_WITHIN_SECONDS, Fields
from cct_ops.models.base import Frozen, Seconds

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$", to_lower=True)]
MemberPath = Annotated[
    str, StringConstraints(pattern=r"^[^.\s\[\]]+(\.[^.\s\[\]]+)*$", max_length=200)
]
UserName = Annotated[str, StringConstraints(pattern=r"^[^:\s]{1,64}$")]

OWN_SOURCE = "cct-ops"

KIB = 1024
MIB = 1024 * KIB


class SecretReference(Frozen):
    """Where a secret is found; it never stands in a file of this repository itself."""

    env: str | None = Field(None, min_length=1)
    file: Path | None = None

    @field_validator("env", "file", mode="before")
    @classmethod
    def _empty_is_not_set(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("say where the key is: either env: or file:")
        return self

    @property
    def name(self) -> str:
        """The name of this key in the record."""
        return self.env or str(self.file)


class KeyReference(SecretReference):
    """
    Where a key is found, and from when until when it counts.

    Keys in files can be replaced while the gateway runs; a variable is read at the start only.
    """

    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _from_until(self) -> Self:
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("not_before must be earlier than not_after")
        return self


class Reconciliation(Frozen):
    """Where the sender itself is asked what it sent or knows; none means it cannot be asked."""

    url: HttpUrl
    key: KeyReference | None = None
    every_seconds: float = Field(180, ge=1, le=3600)


class AlertmanagerReconciliation(Reconciliation):
    """``receiver`` is the one in alertmanager.yml that sends to us; without it all alerts count."""

    receiver: str | None = None


class _Sender(Frozen):
    """
    The settings that every kind of sender has.

    ``secrets`` are paths of member names joined by dots, such as ``metadata.token``; what stands
    there is not stored. A list on the way stands for each of its items.
    """

    keys: tuple[KeyReference, ...] = Field(min_length=1)
    secrets: tuple[MemberPath, ...] = ()

    @property
    def silence_seconds(self) -> float | None:
        """The time after which an open incident that is not seen again is over; None: never."""
        return None

    @property
    def copies_within_seconds(self) -> float:
        """The time within which the same body without a name counts as a copy."""
        return COPIES_WITHIN_SECONDS


class _Repeating(_Sender):
    """A sender that repeats what is still firing, so that its silence means something."""

    max_body_bytes: int = Field(8 * MIB, ge=KIB, le=64 * MIB)
    repeat_interval_seconds: Seconds = Field(gt=0)
    group_interval_seconds: Seconds = Field(gt=0)

    @property
    def silence_seconds(self) -> float:
        """The time unseen after which the resolved notice of an open incident counts as lost."""
        return 2 * self.repeat_interval_seconds + self.group_interval_seconds


class Watchdog(Frozen):
    """An alert that always fires: when it is not heard for so long, the sender is mute."""

    alertname: str = "Watchdog"
    within_seconds: Seconds = Field(gt=0)


class AlertmanagerSource(_Repeating):
    """Alertmanager signs nothing: bearer, or basic auth where ``user`` is set; a pair is one."""

    kind: Literal["alertmanager"]
    user: UserName | None = None
    reconcile: AlertmanagerReconciliation | None = None
    watchdog: Watchdog | None = None


class GrafanaSource(_Repeating):
    """Grafana's HMAC; ``timestamp_header: null`` says that the sender has none configured."""

    kind: Literal["grafana"]
    signature_header: HeaderName = "x-grafana-alerting-signature"
    timestamp_header: HeaderName | None


class PagerDutySource(_Sender):
    """PagerDuty's V3 webhooks; it never sends more than 256 KiB."""

    kind: Literal["pagerduty"]
    max_body_bytes: int = Field(256 * KIB, ge=KIB, le=MIB)
    reconcile: Reconciliation | None = None


class GitHubSource(_Sender):
    """GitHub's webhooks of a repository, an organisation or an app."""

    kind: Literal["github"]
    max_body_bytes: int = Field(5 * MIB, ge=KIB, le=25 * MIB)
    forget_after_seconds: Seconds = Field(86400, gt=0)
    reconcile: Reconciliation | None = None

    @property
    def silence_seconds(self) -> float:
        """GitHub reports once that something failed, and mostly never that it is over."""
        return self.forget_after_seconds


class _Declared(_Sender):
    """A sender whose JSON is read by paths; what it never ends may be forgotten after a time."""

    max_body_bytes: int = Field(MIB, ge=KIB, le=64 * MIB)
    fields: Fields
    forget_after_seconds: Seconds | None = Field(None, gt=0)

    @property
    def silence_seconds(self) -> float | None:
        """The time after which an open incident that is not seen again is over; None: never."""
        return self.forget_after_seconds

    @property
    def tells_ends(self) -> bool:
        """True if incidents end, so that a later message is not a duplicate of one."""
        said = bool(self.fields.resolved) or self.fields.starts_at_is == "episode"
        return said or self.forget_after_seconds is not None


class CloudEventsSource(_Declared):
    """CloudEvents 1.0 over HTTP: structured, binary and batched."""

    kind: Literal["cloudevents"]


class StandardWebhooksSource(_Declared):
    """Standard Webhooks, symmetric signatures."""

    kind: Literal["standard-webhooks"]


class Signature(Frozen):
    """HMAC-SHA256 in hex over the body, behind the time and a colon where it has a time."""

    header: HeaderName
    prefix: str = Field("", max_length=20)
    timestamp_header: HeaderName | None


class JsonSource(_Declared):
    """Any other sender of JSON: bearer, basic auth with ``user``, or ``signature``."""

    kind: Literal["json"]
    user: UserName | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        if self.user is not None and self.signature is not None:
            raise ValueError("one scheme for one source: either user: or signature:")
        return self

    @property
    def copies_within_seconds(self) -> float:
        """The time within which the same body without a name counts as a copy."""
        return self.fields.copies_within_seconds


Source = (
    AlertmanagerSource
    | GrafanaSource
    | PagerDutySource
    | GitHubSource
    | CloudEventsSource
    | StandardWebhooksSource
    | JsonSource
)


class Sources(Frozen):
    """All senders by the name that we give them: the last part of the address that they use."""

    sources: dict[SourceName, Annotated[Source, Field(discriminator="kind")]] = Field(min_length=1)

    @model_validator(mode="after")
    def _ours(self) -> Self:
        if OWN_SOURCE in self.sources:
            raise ValueError(f"{OWN_SOURCE} is what our own alerts are from: choose another name")
        return self

    def doubts(self) -> dict[str, str]:
        """Yield what holds instead for sources that lack a fact that intake needs."""
        found = {name: " ".join(_doubts(name, source)) for name, source in self.sources.items()}
        return {name: said for name, said in found.items() if said}


def _doubts(name: str, source: Source) -> Iterator[str]:
    if isinstance(source, JsonSource) and not source.fields.tells_copies:
        yield (
            f"{name} cannot tell a copy from news: its messages have neither a name (delivery:) nor"
            f" a time of their own (starts_at:). The same body within"
            f" {source.copies_within_seconds:g} s of the one before counts as a copy, and later as"
            f" news (fields: copies_within_seconds:); whoever caught a body can send it again."
        )
    if isinstance(source, _Declared) and not source.tells_ends:
        yield (
            f"{name} never says that something is over: what it sends of the same thing later"
            " counts as the incident that is open already. Declare resolved:, starts_at_is:"
            " episode, or forget_after_seconds:."
        )
