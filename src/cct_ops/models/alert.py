"""One signal as a sender reported it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from cct_ops.models.base import Frozen, digest


def _storable(text: str) -> str:
    """PostgreSQL stores every character but NUL; refusing the alert for one would hide it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def in_utc(moment: datetime) -> datetime:
    """Make moments comparable and storable; the years at both ends leave the calendar elsewhere."""
    if not 1 < moment.year < 9999:
        raise ValueError("this moment is outside of the calendar")
    return moment.astimezone(UTC)


Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]


class AlertStatus(StrEnum):
    """The status of an alert: only its own counts, never its group's."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Frozen):
    """
    One alert of one delivery.

    ``identity`` names the thing that is wrong where its labels do not (None: they do).
    ``undated`` says that the sender gave no time for this, so that its first receipt counts.
    ``message`` is what the sender calls the message that says this: the same one is a copy.
    ``episodic`` says that ``starts_at`` is the start of the episode, the same in each message of
    it; without it, it may be the time of the message. ``reporter`` is then which of several twins
    says so.
    ``reopens`` says that the sender itself calls this a new episode of something that was over.
    """

    status: AlertStatus
    labels: dict[Text, Text]
    annotations: dict[Text, Text]
    starts_at: Moment
    ends_at: Moment | None = None
    identity: dict[Text, Text] | None = None
    undated: bool = False
    message: Text = ""
    episodic: bool = False
    reporter: Text = ""
    reopens: bool = False

    @property
    def key(self) -> str:
        """Name the thing that is wrong, by its identity alone."""
        return digest(self.labels if self.identity is None else self.identity)

    def labelled(self, extra: Mapping[str, str]) -> Alert:
        """Return the alert with these labels too, where it has none of the same name."""
        return self.model_validate({**self.model_dump(), "labels": {**extra, **self.labels}})

    def received(self, first: datetime) -> Alert:
        """Return the alert with the time at which what it says first came."""
        if not self.undated:
            return self
        over = self.status is AlertStatus.RESOLVED
        return self.model_copy(update={"starts_at": first, "ends_at": first if over else None})
