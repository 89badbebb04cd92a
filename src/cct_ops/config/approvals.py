"""The section ``approvals`` of deployments/policy.yaml."""

from __future__ import annotations

from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan
from cct_ops.models.run import Severity


class SecondPerson(Frozen):
    """Which plans need two persons, neither of them the one who started the run."""

    severities: tuple[Severity, ...] = ()
    playbooks: tuple[str, ...] = ()
    irreversible: bool = True

    def reason(self, plan: Plan, severity: Severity) -> str | None:
        """Say why this plan needs a second person; None when one is enough."""
        if severity in self.severities:
            return f"policy asks for two persons at {severity}"
        if plan.playbook in self.playbooks:
            return f"policy asks for two persons for {plan.playbook}"
        if self.irreversible and plan.irreversible:
            return "policy asks for two persons where a step cannot be undone"
        return None


class ApprovalPolicy(Frozen):
    """
    Whose yes counts.

    ``accept_form`` lets Prefect's form count although it proves no identity: for one machine that
    nobody else can reach. It never counts where a second person is needed.
    """

    accept_form: bool = False
    second_person: SecondPerson = SecondPerson()
