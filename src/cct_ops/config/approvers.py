"""The persons who may approve, and the ways to reach them: deployments/approvers.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from cct_ops.config.sources import KeyReference
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded
from cct_ops.models.run import starters

ApproverId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
SlackUserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]


class Approver(Frozen):
    """
    One person who may say yes.

    ``slack_user_id`` lets the buttons in Slack know this person; ``webhook`` says where the address
    of a Slack webhook is kept that posts to a place which this person alone reads: links go there.
    """

    id: ApproverId
    name: str = Field(min_length=2, max_length=100)
    slack_user_id: SlackUserId | None = None
    webhook: KeyReference | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.slack_user_id is None and self.webhook is None:
            raise ValueError("say how this person is reached: slack_user_id, webhook or both")
        return self

    def is_called(self, name: str) -> bool:
        """True if ``name`` is one of this person's names."""
        return folded(name) in map(folded, (self.id, self.name, self.slack_user_id or self.id))

    def started(self, started_by: str) -> bool:
        """True if a run counts as this person's, who may have asked a program for it."""
        return any(map(self.is_called, starters(started_by)))


class Approvers(Frozen):
    """The allow-list; who is notified when nobody answered stands in deployments/contacts.yaml."""

    approvers: tuple[Approver, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [approver.id for approver in self.approvers]
        slack = [each.slack_user_id for each in self.approvers if each.slack_user_id]
        if len(set(ids)) < len(ids) or len(set(slack)) < len(slack):
            raise ValueError("two approvers share an id or a Slack user: they could count twice")
        return self

    def by_id(self, approver_id: str) -> Approver | None:
        """Return the approver of this id, if still on the list."""
        return next((each for each in self.approvers if each.id == approver_id), None)

    def by_slack_user(self, user_id: str) -> Approver | None:
        """Return the approver who is this user of Slack."""
        return next((each for each in self.approvers if each.slack_user_id == user_id), None)

    def others_than(self, started_by: str | None) -> tuple[Approver, ...]:
        """Return who is not the one that started the run."""
        return tuple(
            each for each in self.approvers if started_by is None or not each.started(started_by)
        )
