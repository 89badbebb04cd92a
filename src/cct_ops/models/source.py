"""
Who may send alerts: the shape of deployments/sources.yaml.

Every kind of sender fixes how it proves who it is. A source that accepted two schemes, or a
signature with and without its timestamp, would be as safe as the weaker one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    HttpUrl,
    StringConstraints,
    field_validator,
    model_validator,
)

from cct_ops.models.amounts import Seconds
from cct_ops.models.base import Frozen

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$", to_lower=True)]
UserName = Annotated[str, StringConstraints(pattern=r"^[^:\s]{1,64}$")]
_STEP = r"[^.\s\[\]]+(?:\[(?:0|[1-9][0-9]{0,3})\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")


def _path(written: str) -> str:
    if len(written) > 200 or _PATH.fullmatch(written) is None:
        raise ValueError(
            "a path is member names joined by dots, with [0] for the first of a list, as in"
            " data.alerts[0].name"
        )
    return written


FieldPath = Annotated[str, AfterValidator(_path)]

OWN_SOURCE = "cct-ops"

# A sender that got no answer repeats itself sooner than this.
COPIES_WITHIN_SECONDS = 60.0

KIB = 1024
MIB = 1024 * KIB


class KeyReference(Frozen):
    """
    Where a key is found; the key itself never stands in a file of this repository.

    Keys in files can be replaced while the gateway runs; a variable is read at the start only.
    """

    env: str | None = Field(None, min_length=1)
    file: Path | None = None
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @field_validator("env", "file", mode="before")
    @classmethod
    def _empty_is_not_set(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("say where the key is: either env: or file:")
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("not_before must be earlier than not_after")
        return self

    @property
    def name(self) -> str:
        """What the record calls this key."""
        return self.env or str(self.file)


class Fields(Frozen):
    """
    Where a sender's own JSON has what an alert needs.

    Paths are member names joined by dots, with ``[0]`` for the first of a list. ``each`` is the
    path of a list of which each item is an alert: then the other paths start at the item, or behind
    ``$.`` at the whole.

    ``firing`` and ``resolved`` are the values of ``status`` that open and close an incident;
    ``ignored`` ones say nothing, and every other value is kept in quarantine. ``reopens`` are those
    that begin a new episode of what was over, where ``starts_at`` is the time of the thing and
    stays the same. ``delivery`` is what the sender calls the message. Without it and without a time
    of its own, a body that comes again within ``copies_within_seconds`` is a copy.
    """

    each: FieldPath | None = None
    status: FieldPath
    firing: tuple[str, ...] = Field(min_length=1)
    reopens: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    incident: tuple[FieldPath, ...] = Field(min_length=1)
    delivery: FieldPath | None = None
    starts_at: FieldPath | None = None
    copies_within_seconds: float = Field(COPIES_WITHIN_SECONDS, ge=0, le=86400)
    labels: dict[str, FieldPath] = Field(min_length=1)
    annotations: dict[str, FieldPath] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        # A word that reopens also opens, so it may stand among those as well.
        also = [word for word in self.reopens if word not in self.firing]
        words = [*self.firing, *also, *self.resolved, *self.ignored]
        if repeated := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"{', '.join(repeated)} cannot mean two things")
        paths = [self.status, self.delivery, self.starts_at, *self.incident]
        paths += [*self.labels.values(), *self.annotations.values()]
        if self.each is None and any(each and each.startswith("$.") for each in paths):
            raise ValueError("$. is the whole body beside each:, and there is no each: here")
        return self

    @property
    def tells_copies(self) -> bool:
        """Whether each message has a name or a time by which a copy of it is known."""
        return self.delivery is not None or (self.starts_at is not None and not self.reopens)


class Reconciliation(Frozen):
    """Where the sender itself is asked what it sent or knows; none means it cannot be asked."""

    url: HttpUrl
    key: KeyReference | None = None
    every_seconds: float = Field(180, ge=1, le=3600)


class AlertmanagerReconciliation(Reconciliation):
    """``receiver`` is the one in alertmanager.yml that sends to us; without it all alerts count."""

    receiver: str | None = None


class _Sender(Frozen):
    """What every kind of sender has."""

    keys: tuple[KeyReference, ...] = Field(min_length=1)

    @property
    def silence_seconds(self) -> float | None:
        """How long an open incident may go unseen before it is over; None: for ever."""
        return None

    @property
    def copies_within_seconds(self) -> float:
        """How soon a body without a name counts as a copy when it comes again."""
        return COPIES_WITHIN_SECONDS


class _Repeating(_Sender):
    """A sender that repeats what is still firing, so that its silence means something."""

    max_body_bytes: int = Field(8 * MIB, ge=KIB, le=64 * MIB)
    repeat_interval_seconds: Seconds = Field(gt=0)
    group_interval_seconds: Seconds = Field(gt=0)

    @property
    def silence_seconds(self) -> float:
        """How long an open incident may go unseen before its resolved notice counts as lost."""
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
        """GitHub tells once that something failed and mostly never that it is over."""
        return self.forget_after_seconds


class CloudEventsSource(_Sender):
    """CloudEvents 1.0 over HTTP: structured, binary and batched."""

    kind: Literal["cloudevents"]
    max_body_bytes: int = Field(MIB, ge=KIB, le=64 * MIB)
    fields: Fields


class StandardWebhooksSource(_Sender):
    """Standard Webhooks, symmetric signatures."""

    kind: Literal["standard-webhooks"]
    max_body_bytes: int = Field(MIB, ge=KIB, le=64 * MIB)
    fields: Fields


class Signature(Frozen):
    """HMAC-SHA256 in hex over the body, behind the time and a colon where it has a time."""

    header: HeaderName
    prefix: str = Field("", max_length=20)
    timestamp_header: HeaderName | None


class JsonSource(_Sender):
    """Any other sender of JSON: bearer, basic auth with ``user``, or ``signature``."""

    kind: Literal["json"]
    max_body_bytes: int = Field(MIB, ge=KIB, le=64 * MIB)
    user: UserName | None = None
    signature: Signature | None = None
    fields: Fields

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        if self.user is not None and self.signature is not None:
            raise ValueError("one scheme for one source: either user: or signature:")
        return self

    @property
    def copies_within_seconds(self) -> float:
        """How soon a body without a name counts as a copy when it comes again."""
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
        """Say of sources that cannot tell a copy from news what counts as which."""
        return {
            name: f"{name} cannot tell a copy from news: its messages have neither a name"
            f" (delivery:) nor a time of their own (starts_at:). The same body within"
            f" {source.copies_within_seconds:g} s of the one before counts as a copy, and later as"
            f" news (fields: copies_within_seconds:); whoever caught a body can send it again."
            for name, source in self.sources.items()
            if isinstance(source, JsonSource) and not source.fields.tells_copies
        }
