"""What each playbook may do at most: deployments/policy.yaml."""

from __future__ import annotations

from pathlib import Path

from cct_ops.approvals_policy import ApprovalPolicy
from cct_ops.config_file import load
from cct_ops.models.base import Frozen
from cct_ops.models.mode import Mode


class PlaybookPolicy(Frozen):
    """The rules for one playbook; ``ceiling`` is the most that any start of it may do."""

    ceiling: Mode


class Policy(Frozen):
    """The rules for all playbooks, by deployment name."""

    playbooks: dict[str, PlaybookPolicy]
    approvals: ApprovalPolicy = ApprovalPolicy()

    def ceiling(self, playbook: str) -> Mode:
        """Return the playbook's ceiling; one that the policy does not name may only observe."""
        known = self.playbooks.get(playbook)
        return known.ceiling if known else Mode.OBSERVE


def read(path: Path) -> Policy:
    """Read the policy; raises ``BadConfiguration`` with file, line and reason."""
    return load(path, Policy)
