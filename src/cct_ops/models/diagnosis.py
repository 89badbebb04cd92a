"""The protocol of all diagnoses, by which the gate and the report can use any."""

from __future__ import annotations

from typing import ClassVar, Protocol

from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan
from cct_ops.models.run import Evidence, Outcome, Severity


class Diagnosis(Protocol):
    """A pure conclusion: what is wrong, how bad, on what evidence, and what could be done."""

    @property
    def playbook(self) -> str:
        """The playbook that concluded it."""

    @property
    def target(self) -> str:
        """The thing that is wrong or was thought to be."""

    @property
    def headline(self) -> str:
        """The conclusion in one sentence."""

    @property
    def severity(self) -> Severity:
        """The severity of the incident."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The facts that it rests on."""

    @property
    def plan(self) -> Plan | None:
        """The plan that would repair it; None when nothing could be done."""


class RenewedDiagnosis(Diagnosis, Protocol):
    """A diagnosis that is made again once the target is locked: its plan may be outdated."""

    @property
    def outcome(self) -> Outcome:
        """The outcome of a run with this conclusion and no plan."""


class Conclusion(Frozen):
    """The conclusion of a playbook; without a plan ``outcome`` is how the run ends."""

    playbook: ClassVar[str]

    target: str
    headline: str
    severity: Severity
    evidence: tuple[Evidence, ...]
    plan: Plan | None = None
    outcome: Outcome
