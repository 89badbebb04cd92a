"""What each playbook may do at most: deployments/policy.yaml."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cct_ops.config_file import load
from cct_ops.models.base import Frozen
from cct_ops.models.mode import Mode


class PlaybookPolicy(Frozen):
    """The rules for one playbook; ``ceiling`` is the most that any start of it may do."""

    ceiling: Mode


class TemporaryChanges(Frozen):
    """How long a weakening may last in all, and when an unreverted one becomes an alarm."""

    longest_minutes: float = Field(240, gt=0)
    alarm_after_minutes: float = Field(5, gt=0)


class Policy(Frozen):
    """The rules for all playbooks, by deployment name."""

    playbooks: dict[str, PlaybookPolicy]
    temporary_changes: TemporaryChanges = TemporaryChanges()

    def ceiling(self, playbook: str) -> Mode:
        """Return the playbook's ceiling; one that the policy does not name may only observe."""
        known = self.playbooks.get(playbook)
        return known.ceiling if known else Mode.OBSERVE


def read(path: Path) -> Policy:
    """Read the policy; raises ``BadConfiguration`` with file, line and reason."""
    return load(path, Policy)
