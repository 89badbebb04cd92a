"""The proof that a plan may be carried out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cct_ops.models.base import Frozen
from cct_ops.models.plan import Call


class PermitKind(StrEnum):
    """What a permit is for: a new change, or putting things back (which guards never stop)."""

    CHANGE = "change"
    RESTORE = "restore"


class Permit(Frozen):
    """
    A copy of a permit row of the ledger.

    Holding one proves nothing: before every write the operator has the row itself checked, so a
    permit that was made by hand, changed, taken to another run, or that has expired is refused.
    """

    id: UUID
    kind: PermitKind
    run_id: UUID
    plan_digest: str
    target: str
    fencing_token: int
    calls: tuple[Call, ...]
    expires_at: datetime
