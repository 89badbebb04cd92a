"""A run that died in the middle of a change, as the ledger knows it."""

from __future__ import annotations

from uuid import UUID

from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan, Step
from cct_ops.models.run import Mode, Run
from cct_ops.models.takeover import Takeover
from cct_ops.models.verification import Verdict


class BegunStep(Frozen):
    """One step that the dead run had begun: journalled as intended, and perhaps confirmed."""

    step: Step
    permit_id: UUID
    confirmed: bool


class CrashedRun(Frozen):
    """
    A dead run as the ledger knows it: its plan and how far it came.

    With ``ended`` it gave its account, and no look has shown the effect of its change yet.
    ``taken`` is the word of the person who had taken it over, if anybody had.
    """

    run: Run
    mode: Mode
    plan: Plan
    begun: tuple[BegunStep, ...]
    verified: Verdict | None
    reason: str | None
    ended: bool = False
    taken: Takeover | None = None
